// Attention by blocks of queries: for each, all keys that any of its queries sees.
//
// A block is two registers of queries. Scores are computed with one query per lane, so that the
// softmax needs no reduction across lanes, by tiles of a few keys (attention_tiles.hpp). The keys
// that only one half of the block sees, at the edge of the window and on the diagonal, are a run of
// their own: nothing is computed for the other half. Only tiles on an edge are masked. Gradients of
// keys and values are added up in a fixed order, so that they repeat bit for bit. All heads of a
// block come before the next block, because they are neighbours in the caller's memory.
//
// Included once per instruction set, after its target was set, by a file that defines
// INSTRUCTION_SET (a namespace), LANES (floats in a register), TILE_KEYS and TILE_DEPTHS.
#pragma once

#include "attention_backward.hpp"
#include "attention_decode.hpp"
#include "attention_forward.hpp"

namespace adfast::INSTRUCTION_SET {

static const int32_t* documents_of(const AttentionProblem& problem, int64_t b) {
    return problem.document_start ? problem.document_start + b * problem.num_queries() : nullptr;
}

// Rows of head h from token t on.
template <typename Float>
static Rows<Float> rows_from(const HeadsView<Float>& heads, int64_t b, int64_t h, int64_t t) {
    return {heads.head(b, h) + t * heads.time_stride, heads.time_stride};
}

// Where in the batch a block of queries begins.
struct Place {
    int64_t b, t;

    int64_t query(const AttentionProblem& problem) const { return t - problem.prefix; }
    int64_t end(const AttentionProblem& problem) const { return t + block_count(problem, t); }
    // The keys that no block before has brought: its own, and the prefix with the first.
    int64_t first_key(const AttentionProblem& problem) const { return t == problem.prefix ? 0 : t; }
    int64_t num_keys(const AttentionProblem& problem) const {
        return end(problem) - first_key(problem);
    }
    Place next(const AttentionProblem& problem) const {
        return end(problem) < problem.length ? Place{b, end(problem)}
                                             : Place{b + 1, problem.prefix};
    }
};

// Rows of head h, which has queries alone, from the place on.
template <typename Float>
static Rows<Float> query_rows(const AttentionProblem& problem, const HeadsView<Float>& heads,
                              Place at, int64_t h) {
    return rows_from(heads, at.b, h, at.query(problem));
}

// The place's numbers in a [B][H][num_queries] of one number a query.
template <typename Float>
static Float* of_queries(const AttentionProblem& problem, Float* numbers, Place at, int64_t h) {
    return numbers + (at.b * problem.heads + h) * problem.num_queries() + at.query(problem);
}

// Packs the key heads of the keys that a block brings, unless they can be read where they are.
template <int D>
static void pack_heads(const AttentionProblem& problem, const Heads& from, Place at, float* to) {
    if (problem.head_dim == D) return;
    const int64_t first = at.first_key(problem), count = at.num_keys(problem);
    for (int64_t h = 0; h < problem.kv_heads; ++h) {
        pack_rows<D>(rows_from(from, at.b, h, first), count, count, problem.head_dim,
                     to + (h * problem.length + first) * D);
    }
}

// All rows of a key head, of D floats: the caller's, or where they are packed.
template <int D, typename Float>
static Rows<Float> key_rows(const AttentionProblem& problem, const HeadsView<Float>& heads,
                            int64_t b, int64_t h, float* packed) {
    if (problem.head_dim == D) return rows_from(heads, b, h, 0);
    return {packed + h * problem.length * D, D};
}

// Sets the rows of the keys that a block brings to zero in all key heads.
template <int D>
static void clear_heads(const AttentionProblem& problem, const MutableHeads& heads, Place at,
                        float* packed) {
    for (int64_t h = 0; h < problem.kv_heads; ++h) {
        const auto rows = key_rows<D>(problem, heads, at.b, h, packed).from(at.first_key(problem));
        for (int64_t t = 0; t < at.num_keys(problem); ++t) {
#pragma GCC unroll 32
            for (int d = 0; d < D; d += W) store(rows.at(t) + d, Floats{});
        }
    }
}

// Writes packed rows of all key heads to where the caller wants them, unless they are there.
template <int D>
static void unpack_heads(const AttentionProblem& problem, const float* packed, int64_t b,
                         const MutableHeads& to) {
    if (problem.head_dim == D) return;
    for (int64_t h = 0; h < problem.kv_heads; ++h) {
        unpack_rows<D>(packed + h * problem.length * D, problem.length, problem.head_dim,
                       rows_from(to, b, h, 0));
    }
}

// Floats to pack the key heads of one row of the batch.
static int64_t packed_floats(const AttentionProblem& problem, int64_t D) {
    return problem.head_dim == D ? 0 : problem.kv_heads * problem.length * D;
}

template <int D>
static bool forward_padded(const AttentionProblem& problem, const Heads& q, const Heads& k,
                           const Heads& v, const MutableHeads& out, float* lse, float* memory) {
    const int64_t group = problem.heads / problem.kv_heads, packed = packed_floats(problem, D);
    Scratch scratch{memory};
    float* keys = scratch.take(packed);
    float* values = scratch.take(packed);
    Forward<D> pass{problem, scratch};
    bool is_finite = true;
    for (Place at{0, problem.prefix}, next; at.b < problem.batch; at = next) {
        next = at.next(problem);
        const Block block(problem, documents_of(problem, at.b), at.t);
        pack_heads<D>(problem, k, at, keys);
        pack_heads<D>(problem, v, at, values);
        for (int64_t h = 0; h < problem.heads; ++h) {
            const int64_t kv = h / group;
            Prefetch prefetch(BLOCK, block.num_tiles());
            prefetch.add(query_rows(problem, out, at, h));
            prefetch.add(query_rows(problem, q, next, h));
            if (h % group == 0) {
                prefetch.add(rows_from(k, next.b, kv, next.t));
                prefetch.add(rows_from(v, next.b, kv, next.t));
            }
            pass.prefetch = &prefetch;
            pass.keys = key_rows<D>(problem, k, at.b, kv, keys);
            pass.values = key_rows<D>(problem, v, at.b, kv, values);
            is_finite &=
                pass.attend(block, query_rows(problem, q, at, h), query_rows(problem, out, at, h),
                            of_queries(problem, lse, at, h));
        }
    }
    return is_finite;
}

template <int D>
static void backward_padded(const AttentionProblem& problem, const Heads& q, const Heads& k,
                            const Heads& v, const Heads& out, const float* lse, const Heads& d_out,
                            const MutableHeads& dq, const MutableHeads& dk, const MutableHeads& dv,
                            float* memory) {
    const int64_t group = problem.heads / problem.kv_heads, packed = packed_floats(problem, D);
    Scratch scratch{memory};
    float* keys = scratch.take(packed);
    float* values = scratch.take(packed);
    float* d_keys = scratch.take(packed);
    float* d_values = scratch.take(packed);
    Backward<D> pass{problem, scratch};
    for (Place at{0, problem.prefix}, next; at.b < problem.batch; at = next) {
        next = at.next(problem);
        const Block block(problem, documents_of(problem, at.b), at.t);
        pack_heads<D>(problem, k, at, keys);
        pack_heads<D>(problem, v, at, values);
        clear_heads<D>(problem, dk, at, d_keys);
        clear_heads<D>(problem, dv, at, d_values);
        for (int64_t h = 0; h < problem.heads; ++h) {
            const int64_t kv = h / group;
            Prefetch prefetch(BLOCK, block.num_tiles());
            prefetch.add(query_rows(problem, dq, at, h));
            prefetch.add(query_rows(problem, q, next, h));
            prefetch.add(query_rows(problem, out, next, h));
            prefetch.add(query_rows(problem, d_out, next, h));
            if (h % group == 0) {
                prefetch.add(rows_from(k, next.b, kv, next.t));
                prefetch.add(rows_from(v, next.b, kv, next.t));
                prefetch.add(rows_from(dk, next.b, kv, next.t));
                prefetch.add(rows_from(dv, next.b, kv, next.t));
            }
            pass.prefetch = &prefetch;
            pass.keys = key_rows<D>(problem, k, at.b, kv, keys);
            pass.values = key_rows<D>(problem, v, at.b, kv, values);
            pass.d_keys = key_rows<D>(problem, dk, at.b, kv, d_keys);
            pass.d_values = key_rows<D>(problem, dv, at.b, kv, d_values);
            pass.differentiate(block, query_rows(problem, q, at, h),
                               query_rows(problem, out, at, h), of_queries(problem, lse, at, h),
                               query_rows(problem, d_out, at, h), query_rows(problem, dq, at, h));
        }
        if (next.b != at.b) {
            unpack_heads<D>(problem, d_keys, at.b, dk);
            unpack_heads<D>(problem, d_values, at.b, dv);
        }
    }
}

static int64_t scratch_floats(const AttentionProblem& problem) {
    const int64_t D = padded_head_dim(problem.head_dim);
    return 4 * packed_floats(problem, D) + 5 * BLOCK * D + 2 * (CHUNK + MAX_TILE_KEYS) * BLOCK;
}

static bool forward(const AttentionProblem& problem, const Heads& q, const Heads& k, const Heads& v,
                    const MutableHeads& out, float* lse, float* scratch) {
    const DenormalsFlushed flushed;
    return at_padded_width(problem.head_dim, [&](auto width) {
        return forward_padded<width.value>(problem, q, k, v, out, lse, scratch);
    });
}

static void backward(const AttentionProblem& problem, const Heads& q, const Heads& k,
                     const Heads& v, const Heads& out, const float* lse, const Heads& d_out,
                     const MutableHeads& dq, const MutableHeads& dk, const MutableHeads& dv,
                     float* scratch) {
    const DenormalsFlushed flushed;
    at_padded_width(problem.head_dim, [&](auto width) {
        backward_padded<width.value>(problem, q, k, v, out, lse, d_out, dq, dk, dv, scratch);
    });
}

}  // namespace adfast::INSTRUCTION_SET
