// The backward pass over one block of queries: the weights are computed again from the lse.
//
// Source: Dao et al. 2022, "FlashAttention" (arXiv 2205.14135), algorithm 4.
#pragma once

#include "attention_level.hpp"

namespace adfast::INSTRUCTION_SET {

// Up to here the rounding of an lse in base 2 is within that of its scores.
constexpr float LARGEST_LOG_SUM = 128.0f;

template <int D>
struct Backward {
    const AttentionProblem& problem;
    Scratch scratch;
    Rows<const float> keys = {}, values = {};  // rows of D, of the key head
    Prefetch* prefetch = nullptr;              // advanced with every tile
    Rows<float> d_keys = {}, d_values = {};    // rows of D, added to
    float* padded_queries = scratch.take(BLOCK * D);
    float* padded_d_out = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to logits in base 2
    float* d_out = scratch.take(BLOCK * D);    // columns, times the scale
    float* dq = scratch.take(BLOCK * D);       // columns
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    float* d_scores = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Rows<const float> query_rows = {}, d_out_rows = {};
    Floats log_sum[2] = {}, delta[2] = {};  // lse in base 2, less the level; out times d_out
    Floats level[2] = {};                   // taken out of scores before, if they are large

    // Writes the block's rows of `dq` and adds to the gradients of keys and values.
    void differentiate(const Block& block, Rows<const float> q, Rows<const float> out,
                       const float* lse, Rows<const float> d_out_from, Rows<float> dq_to) {
        take_columns(block, out, padded_queries, 1.0f, dq);
        d_out_rows = take_columns(block, d_out_from, padded_d_out, problem.scale, d_out);
        take_delta(dq);
        for (int i = 0; i < BLOCK * D; i += W) store(dq + i, Floats{});
        query_rows = take_columns(block, q, padded_queries, problem.scale * LOG2_E, queries);
        take_lse(block.count, lse);
        if (is_precise()) {
            visit_keys(block, Gradients<false>{*this});
        } else {
            take_level(block);
            visit_keys(block, Gradients<true>{*this});
        }
        write_columns<D>(dq, block.count, problem.head_dim, padded_queries, dq_to);
    }

    // Writes scaled columns of `from`; returns its rows.
    Rows<const float> take_columns(const Block& block, Rows<const float> from, float* padded,
                                   float columns_scale, float* columns) {
        const auto rows = whole_rows<D>(from, block.count, BLOCK, problem.head_dim, padded);
        transpose<BLOCK, D>(rows.data, rows.stride, columns, BLOCK, columns_scale);
        return rows;
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

    // Whether a rounded lse gives precise weights.
    bool is_precise() const {
        Ints precise = Ints{} - 1;
        for (int v = 0; v < 2; ++v) {
            precise &= (log_sum[v] < LARGEST_LOG_SUM) & (log_sum[v] > -LARGEST_LOG_SUM);
        }
        return all_of(precise);
    }

    // Finds anew what is rounded in a large lse: the maximum, and the logarithm of what is left.
    void take_level(const Block& block) {
        Level<D> found{keys, queries, prefetch};
        found.find_maximum(block);
        found.find_sum(block);
        for (int v = 0; v < 2; ++v) {
            level[v] = found.maximum[v];
            log_sum[v] = log2(found.sum[v]);
        }
    }

    template <bool HAS_LEVEL>
    struct Gradients {
        Backward& pass;

        template <int V>
        void chunk(const Run& run, int64_t key, int64_t num_keys) {
            pass.add_up<HAS_LEVEL, V>(run, key, num_keys);
        }
    };

    template <bool HAS_LEVEL, int V>
    void add_up(const Run& run, int64_t key, int64_t num_keys) {
        constexpr int R = tile_keys<V>;
        const int first = run.half * W;
        Floats minus_log_sum[V], minus_delta[V];
        for (int v = 0; v < V; ++v) {
            minus_log_sum[v] = -log_sum[run.half + v];
            minus_delta[v] = -delta[run.half + v];
        }
        const Floats zeros[V] = {};
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            float* weight = weights + first + j * BLOCK;
            prefetch->advance<D>();
            score<D>(run, key + j, keys, queries, HAS_LEVEL ? zeros : minus_log_sum, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    // The level first: a score as large as it would swallow the rest.
                    if (HAS_LEVEL) tile[r][v] = tile[r][v] - level[run.half + v] + minus_log_sum[v];
                    store(weight + r * BLOCK + v * W, exp2(tile[r][v]));
                }
            }
            float* d_score = d_scores + first + j * BLOCK;
            multiply<D>(values, key + j, run.block.last_key(), d_out + first, minus_delta, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    const int at = r * BLOCK + v * W;
                    store(d_score + at, load(weight + at) * tile[r][v]);
                }
            }
        }
        accumulate_columns<D, V>(keys.from(key), d_scores + first, run.num_keys(key, num_keys),
                                 dq + first);
        accumulate_rows<V>(run, key, num_keys, d_out_rows, weights, d_values);
        accumulate_rows<V>(run, key, num_keys, query_rows, d_scores, d_keys);
    }

    // out[key + j] += sum over the run's queries of factors[j][query] * rows[query]
    template <int V>
    void accumulate_rows(const Run& run, int64_t key, int64_t num_keys, Rows<const float> rows,
                         const float* factors, Rows<float> out) {
        constexpr int N = D == W ? 1 : 2;
        constexpr int R = tile_keys<N>;
        const int first = run.half * W;
        for (int64_t j = 0; j < run.num_keys(key, num_keys); j += R) {
            // The queries that see any of these keys.
            const int64_t own = key + j - (run.block.first + first);
            const int64_t begin = own > 0 ? own : 0;
            const int64_t end = smaller(V * W, own + R + run.block.reach);
            const int64_t num_rows = run.num_keys(key, num_keys) - j;
            for (int d = 0; d < D; d += N * W) {
                const Rows<const float> from{rows.at(first) + d, rows.stride};
                const Rows<float> to{out.at(key + j) + d, out.stride};
                const float* factor = factors + first + j * BLOCK;
                if (j + R <= num_keys) {
                    accumulate_rows_tile<R, N>(from, factor, begin, end, to, num_rows);
                } else {  // half a tile, only where N is 1
                    accumulate_rows_tile<TILE_KEYS, N>(from, factor, begin, end, to, num_rows);
                }
            }
        }
    }
};

}  // namespace adfast::INSTRUCTION_SET
