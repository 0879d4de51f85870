// The level of each query's scores, where these are large: their maximum, and beside it the sum of
// the weights that are left once it is taken out.
#pragma once

#include <limits>

#include "attention_block.hpp"
#include "attention_prefetch.hpp"

namespace adfast::INSTRUCTION_SET {

template <int D>
struct Level {
    Rows<const float> keys;  // rows of D, of the key head
    const float* queries;    // columns, scaled to logits in base 2
    Prefetch* prefetch;
    Floats maximum[2] = {}, sum[2] = {};

    void find_maximum(const Block& block) {
        // Above what is masked, which then weighs nothing even if a lane sees nothing else.
        const float least = std::numeric_limits<float>::lowest();
        for (int v = 0; v < 2; ++v) maximum[v] = Floats{} + least;
        visit_keys(block, Maxima{*this});
    }

    // After the maximum.
    void find_sum(const Block& block) {
        for (int v = 0; v < 2; ++v) sum[v] = Floats{};
        visit_keys(block, Sums{*this});
    }

    struct Maxima {
        Level& level;

        template <int V>
        void chunk(const Run& run, int64_t key, int64_t num_keys) {
            level.each_score<V>(run, key, num_keys, [&](int v, Floats score) {
                Floats& top = level.maximum[run.half + v];
                top = larger(top, score);
            });
        }
    };

    struct Sums {
        Level& level;

        template <int V>
        void chunk(const Run& run, int64_t key, int64_t num_keys) {
            level.each_score<V>(run, key, num_keys, [&](int v, Floats score) {
                level.sum[run.half + v] += exp2(score - level.maximum[run.half + v]);
            });
        }
    };

    template <int V, typename Take>
    void each_score(const Run& run, int64_t key, int64_t num_keys, const Take& take) {
        constexpr int R = tile_keys<V>;
        const Floats zeros[V] = {};
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            prefetch->advance<D>();
            score<D>(run, key + j, keys, queries, zeros, tile);
            for (int r = 0; r < R; ++r) {
                for (int v = 0; v < V; ++v) take(v, tile[r][v]);
            }
        }
    }
};

}  // namespace adfast::INSTRUCTION_SET
