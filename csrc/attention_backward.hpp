// The backward pass over one block of queries: the weights are computed again from the lse.
//
// Source: Dao et al. 2022, "FlashAttention" (arXiv 2205.14135), algorithm 4.
#pragma once

#include "attention_block.hpp"
#include "attention_prefetch.hpp"

namespace adfast::INSTRUCTION_SET {

template <int D>
struct Backward {
    const AttentionProblem& problem;
    Scratch scratch;
    const float *keys = nullptr, *values = nullptr;  // rows of the key head
    Prefetch* prefetch = nullptr;                    // advanced with every tile
    float *d_keys = nullptr, *d_values = nullptr;    // added to; d_keys lack the scale
    float* query_rows = scratch.take(BLOCK * D);
    float* d_out_rows = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to logits in base 2
    float* d_out = scratch.take(BLOCK * D);    // columns
    float* dq = scratch.take(BLOCK * D);       // columns, without the scale
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    float* d_scores = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Floats log_sum[2] = {}, delta[2] = {};  // lse in base 2; the product of out and d_out

    // Writes the block's rows of `dq` and adds to the gradients of keys and values.
    void differentiate(const Block& block, Rows<const float> q, Rows<const float> out,
                       const float* lse, Rows<const float> d_out_from, Rows<float> dq_to) {
        const auto pack = [&](Rows<const float> from, float* to) {
            pack_rows<D>(from, block.count, BLOCK, problem.head_dim, to);
        };
        pack(out, query_rows);
        transpose<BLOCK, D>(query_rows, dq, 1.0f);
        pack(d_out_from, d_out_rows);
        transpose<BLOCK, D>(d_out_rows, d_out, 1.0f);
        take_delta(dq);
        for (int i = 0; i < BLOCK * D; i += W) store(dq + i, Floats{});
        pack(q, query_rows);
        transpose<BLOCK, D>(query_rows, queries, problem.scale * LOG2_E);
        take_lse(block.count, lse);
        visit_keys(block, *this);
        transpose<D, BLOCK>(dq, query_rows, problem.scale);
        unpack_rows<D>(query_rows, block.count, problem.head_dim, 1.0f, dq_to);
    }

    void take_delta(const float* out) {
        for (int v = 0; v < 2; ++v) {
            delta[v] = Floats{};
            for (int d = 0; d < D; ++d) {
                const int at = d * BLOCK + v * W;
                delta[v] += load(out + at) * load(d_out + at);
            }
        }
    }

    void take_lse(int64_t count, const float* lse) {
        alignas(64) float padded_lse[BLOCK];
        for (int64_t i = 0; i < BLOCK; ++i) padded_lse[i] = i < count ? lse[i] : 0.0f;
        for (int v = 0; v < 2; ++v) log_sum[v] = load(padded_lse + v * W) * LOG2_E;
    }

    template <int V>
    void chunk(const Run& run, int64_t key, int64_t num_keys) {
        constexpr int R = tile_keys<V>;
        const int first = run.half * W;
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            float* weight = weights + first + j * BLOCK;
            prefetch->advance<D>();
            score<D, V>(run, key + j, keys + (key + j) * D, queries, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    store(weight + r * BLOCK + v * W, exp2(tile[r][v] - log_sum[run.half + v]));
                }
            }
            float* d_score = d_scores + first + j * BLOCK;
            multiply<D>(values + (key + j) * D, d_out + first, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    const int at = r * BLOCK + v * W;
                    store(d_score + at, load(weight + at) * (tile[r][v] - delta[run.half + v]));
                }
            }
        }
        Floats one[V];
        for (int v = 0; v < V; ++v) one[v] = Floats{} + 1.0f;
        accumulate_columns<D>(keys + key * D, d_scores + first, num_keys, one, dq + first);
        accumulate_rows<D>(d_out_rows + first * D, weights + first, num_keys, V * W,
                           d_values + key * D);
        accumulate_rows<D>(query_rows + first * D, d_scores + first, num_keys, V * W,
                           d_keys + key * D);
    }
};

}  // namespace adfast::INSTRUCTION_SET
