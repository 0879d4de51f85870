// A block of queries, the keys that they see, and the scores of the two.
#pragma once

#include "attention.hpp"
#include "attention_tiles.hpp"

namespace adfast::INSTRUCTION_SET {

constexpr int64_t CHUNK = 96;  // keys whose weights are held at once, in the first-level cache

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t rounded_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Queries of the block that begins at `first`. What is left over of whole blocks comes first, where
// queries see the fewest keys.
static int64_t block_count(const AttentionProblem& problem, int64_t first) {
    const int64_t left_over = problem.num_queries() % BLOCK;
    return first == problem.prefix && left_over != 0 ? left_over : BLOCK;
}

// Queries [first, first + count), and lanes beyond them that are computed and never written.
struct Block {
    int64_t first, count, reach;  // no query sees more than `reach` keys before its own
    alignas(64) int32_t query[BLOCK], span[BLOCK];  // a query sees `span` keys before its own

    // `document_start` is that of the queries of the batch row, or null.
    Block(const AttentionProblem& problem, const int32_t* document_start, int64_t first)
        : first(first),
          count(block_count(problem, first)),
          reach(smaller(problem.window, problem.length) - 1) {
        for (int i = 0; i < BLOCK; ++i) {
            query[i] = static_cast<int32_t>(first) + i;
            span[i] = static_cast<int32_t>(smaller(query[i], reach));
        }
        if (!document_start) return;
        for (int i = 0; i < count; ++i) {
            const int32_t in_document = query[i] - document_start[first - problem.prefix + i];
            span[i] = in_document < span[i] ? in_document : span[i];
        }
    }

    int64_t last_key() const { return first + count - 1; }
    int64_t first_key(int64_t i) const { return first + i - span[i]; }
    int64_t num_tiles() const { return (count + span[0] + TILE_KEYS - 1) / TILE_KEYS; }
};

// Writes the block's columns as rows of `head_dim` floats; `memory` is for BLOCK rows of D.
template <int D>
static void write_columns(const float* columns, int64_t count, int64_t head_dim, float* memory,
                          Rows<float> to) {
    if (head_dim == D && count == BLOCK) {
        transpose<D, BLOCK>(columns, BLOCK, to.data, to.stride, 1.0f);
    } else {
        transpose<D, BLOCK>(columns, BLOCK, memory, D, 1.0f);
        unpack_rows<D>(memory, count, head_dim, to);
    }
}

// Consecutive keys as V registers of a block's queries see them: its first half, both or its
// second.
struct Run {
    const Block& block;
    int half;                        // the first register
    int64_t first_query, full_from;  // a key in full_from .. first_query is seen by all queries

    // Of `num_keys` keys from `key` on, how many there are.
    int64_t num_keys(int64_t key, int64_t num_keys) const {
        return smaller(num_keys, block.last_key() + 1 - key);
    }
};

// Calls visitor.chunk<V>(run, first key, number of keys) for all keys of one run, in whole tiles:
// the last keys may lie after `block.last_key()`.
template <int V, typename Visitor>
static void visit_run(const Block& block, int half, int64_t begin, int64_t end, Visitor& visitor) {
    const int64_t last = smaller((half + V) * W, block.count) - 1;
    const Run run{block, half, block.first + half * W, block.first_key(last)};
    for (int64_t key = begin; key < end; key += CHUNK) {
        visitor.template chunk<V>(run, key, rounded_up(smaller(CHUNK, end - key), tile_keys<V>));
    }
}

// The same for all keys of the block. What only one half sees is a run of its own, in whole tiles.
template <typename Visitor>
static void visit_keys(const Block& block, Visitor&& visitor) {
    const int64_t begin = block.first_key(0), end = block.first + block.count;
    if (block.count <= W) return visit_run<1>(block, 0, begin, end, visitor);
    const int64_t first_alone = block.first_key(W) - begin;
    const int64_t shared = begin + first_alone / tile_keys<1> * tile_keys<1>;
    const int64_t to_diagonal = rounded_up(block.first + W - shared, tile_keys<2>);
    const int64_t second_alone = smaller(end, shared + to_diagonal);
    visit_run<1>(block, 0, begin, shared, visitor);
    visit_run<2>(block, 0, shared, second_alone, visitor);
    visit_run<1>(block, 1, second_alone, end, visitor);
}

// The scores of the keys from `key` on, whose rows are those of `keys`, plus `start`; `queries` are
// columns.
template <int D, int V>
ADFAST_INLINE void score(const Run& run, int64_t key, Rows<const float> keys, const float* queries,
                         const Floats (&start)[V], Floats (&tile)[tile_keys<V>][V]) {
    multiply<D>(keys, key, run.block.last_key(), queries + run.half * W, start, tile);
    if (key < run.full_from || key + tile_keys<V> - 1 > run.first_query) {
        mask(key, run.block.query + run.half * W, run.block.span + run.half * W, tile);
    }
}

}  // namespace adfast::INSTRUCTION_SET
