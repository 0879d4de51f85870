// The forward pass over one block of queries: softmax with a running maximum.
//
// Source: Milakov and Gimelshein 2018, "Online normalizer calculation for softmax".
#pragma once

#include "attention_block.hpp"
#include "attention_prefetch.hpp"

namespace adfast::INSTRUCTION_SET {

template <int D>
struct Forward {
    const AttentionProblem& problem;
    Scratch scratch;
    const float *keys = nullptr, *values = nullptr;  // rows of the key head
    Prefetch* prefetch = nullptr;                    // advanced with every tile
    float* rows = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to logits in base 2
    float* out = scratch.take(BLOCK * D);      // columns, not yet divided by the sum
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Floats maximum[2] = {}, sum[2] = {};

    // Writes the block's rows of the values and its `lse`, both of one head.
    void attend(const Block& block, Rows<const float> q, Rows<float> out_to, float* lse) {
        pack_rows<D>(q, block.count, BLOCK, problem.head_dim, rows);
        transpose<BLOCK, D>(rows, queries, problem.scale * LOG2_E);
        for (int i = 0; i < BLOCK * D; i += W) store(out + i, Floats{});
        for (int v = 0; v < 2; ++v) {
            maximum[v] = Floats{} + MASKED / 2;  // above what is masked, which then weighs nothing
            sum[v] = Floats{};
        }
        visit_keys(block, *this);
        write_lse(block.count, lse);
        transpose<D, BLOCK>(out, rows, 1.0f);
        unpack_rows<D>(rows, block.count, problem.head_dim, 1.0f, out_to);
    }

    template <int V>
    void chunk(const Run& run, int64_t key, int64_t num_keys) {
        float* weight = weights + run.half * W;
        Floats rescale[V];
        take_scores<V>(run, key, num_keys, weight, rescale);
        for (int64_t j = 0; j < num_keys; j += TILE_KEYS) {
#pragma GCC unroll 16
            for (int r = 0; r < TILE_KEYS; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    float* at = weight + (j + r) * BLOCK + v * W;
                    const Floats p = exp2(load(at) - maximum[run.half + v]);
                    store(at, p);
                    sum[run.half + v] += p;
                }
            }
        }
        accumulate_columns<D>(values + key * D, weight, num_keys, rescale, out + run.half * W);
    }

    // Writes the scores to where the weights will be; raises the maximum.
    template <int V>
    __attribute__((always_inline)) void take_scores(const Run& run, int64_t key, int64_t num_keys,
                                                    float* to, Floats (&rescale)[V]) {
        constexpr int R = tile_keys<V>;
        Floats top[V];
        for (int v = 0; v < V; ++v) top[v] = maximum[run.half + v];
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            prefetch->advance<D>();
            score<D, V>(run, key + j, keys + (key + j) * D, queries, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    store(to + (j + r) * BLOCK + v * W, tile[r][v]);
                    top[v] = larger(top[v], tile[r][v]);
                }
            }
        }
        for (int v = 0; v < V; ++v) {
            rescale[v] = exp2(maximum[run.half + v] - top[v]);
            maximum[run.half + v] = top[v];
            sum[run.half + v] *= rescale[v];
        }
    }

    // Also divides `out` by the sum of the weights.
    void write_lse(int64_t count, float* lse) {
        alignas(64) float padded_lse[BLOCK];
        for (int v = 0; v < 2; ++v) {
            store(padded_lse + v * W, LN_2 * (maximum[v] + log2(sum[v])));
            const Floats inverse = 1.0f / sum[v];
            for (int d = 0; d < D; ++d) {
                float* at = out + d * BLOCK + v * W;
                store(at, load(at) * inverse);
            }
        }
        for (int64_t i = 0; i < count; ++i) lse[i] = padded_lse[i];
    }
};

}  // namespace adfast::INSTRUCTION_SET
