// The forward pass over one block of queries.
//
// A weight is 2^score, without the usual row maximum, as long as the sums show that this neither
// overflowed nor lost what counts. Otherwise the block is computed again, its maxima found first.
#pragma once

#include "attention_level.hpp"

namespace adfast::INSTRUCTION_SET {

// Between them a sum of weights is precise: the largest weight is at least the sum divided by the
// number of keys, and a weight too small for a float is nothing beside it.
constexpr float LEAST_SUM = 0x1p-32f, GREATEST_SUM = 0x1p64f;

template <int D>
struct Forward {
    const AttentionProblem& problem;
    Scratch scratch;
    Rows<const float> keys = {}, values = {};  // rows of D, of the key head
    Prefetch* prefetch = nullptr;              // advanced with every tile
    float* rows = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to logits in base 2
    float* out = scratch.take(BLOCK * D);      // columns, not yet divided by the sum
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Floats maximum[2] = {}, sum[2] = {};

    // Writes the block's rows of the values and its `lse`, both of one head. False if some are not
    // finite.
    bool attend(const Block& block, Rows<const float> q, Rows<float> out_to, float* lse) {
        const auto query_rows = whole_rows<D>(q, block.count, BLOCK, problem.head_dim, rows);
        transpose<BLOCK, D>(query_rows.data, query_rows.stride, queries, BLOCK,
                            problem.scale * LOG2_E);
        for (int v = 0; v < 2; ++v) maximum[v] = Floats{};
        add_up(block, Weights<false>{*this});
        bool is_finite = true;
        if (!is_precise(block.count)) {
            Level<D> level{keys, queries, prefetch};
            level.find_maximum(block);
            for (int v = 0; v < 2; ++v) maximum[v] = level.maximum[v];
            add_up(block, Weights<true>{*this});
            is_finite = is_precise(block.count);  // the largest weight is 1
        }
        write_lse(block.count, lse);
        write_columns<D>(out, block.count, problem.head_dim, rows, out_to);
        return is_finite;
    }

    template <typename Visitor>
    void add_up(const Block& block, Visitor weights_of) {
        for (int i = 0; i < BLOCK * D; i += W) store(out + i, Floats{});
        for (int v = 0; v < 2; ++v) sum[v] = Floats{};
        visit_keys(block, weights_of);
    }

    // Adds the keys of a chunk to `sum` and `out`, with weights 2^(score - maximum).
    template <bool HAS_MAXIMUM>
    struct Weights {
        Forward& pass;

        template <int V>
        void chunk(const Run& run, int64_t key, int64_t num_keys) {
            constexpr int R = tile_keys<V>;
            float* weights = pass.weights + run.half * W;
            Floats maximum[V], sum[V];
            for (int v = 0; v < V; ++v) {
                maximum[v] = pass.maximum[run.half + v];
                sum[v] = pass.sum[run.half + v];
            }
            for (int64_t j = 0; j < num_keys; j += R) {
                Floats tile[R][V];
                pass.scores(run, key + j, tile);
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                    for (int v = 0; v < V; ++v) {
                        const Floats p = exp2(HAS_MAXIMUM ? tile[r][v] - maximum[v] : tile[r][v]);
                        store(weights + (j + r) * BLOCK + v * W, p);
                        sum[v] += p;
                    }
                }
            }
            for (int v = 0; v < V; ++v) pass.sum[run.half + v] = sum[v];
            accumulate_columns<D, V>(pass.values.from(key), weights, run.num_keys(key, num_keys),
                                     pass.out + run.half * W);
        }
    };

    template <int V>
    __attribute__((always_inline)) void scores(const Run& run, int64_t key,
                                               Floats (&tile)[tile_keys<V>][V]) {
        prefetch->advance<D>();
        const Floats zeros[V] = {};
        score<D>(run, key, keys, queries, zeros, tile);
    }

    // Whether the first `count` queries have sums of weights, and values, that lost nothing.
    bool is_precise(int64_t count) const {
        Floats zeros[2] = {};  // NaN once a value is not finite
        for (int i = 0; i < BLOCK * D; i += 2 * W) {
            zeros[0] += load(out + i) * 0.0f;
            zeros[1] += load(out + i + W) * 0.0f;
        }
        Ints precise = zeros[0] + zeros[1] == 0.0f;
        for (int v = 0; v < 2; ++v) {
            const Ints is_padding = lane_numbers() >= static_cast<int32_t>(count) - v * W;
            const Ints is_within = (sum[v] >= LEAST_SUM) & (sum[v] <= GREATEST_SUM);
            precise &= is_within | is_padding;
        }
        return all_of(precise);
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
