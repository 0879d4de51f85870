// Attention by blocks of queries: for each, all keys that any of its queries sees.
//
// A block is two registers of queries. Scores are computed with one query per lane, so that the
// softmax needs no reduction across lanes, by tiles of a few keys (attention_tiles.hpp). The keys
// that only one half of the block sees, at the edge of the window and on the diagonal, are a run of
// their own: nothing is computed for the other half. Only tiles on an edge are masked.
//
// The forward pass keeps a running maximum (online softmax, Milakov and Gimelshein 2018); the
// backward pass recomputes the weights from the log-sum-exp (Dao et al. 2022, FlashAttention) and
// adds up the gradients of keys and values in a fixed order, so that it repeats bit for bit.
//
// Included once per instruction set, after its target was set, by a file that defines
// INSTRUCTION_SET (a namespace), LANES (floats in a register), TILE_KEYS and TILE_DEPTHS.

#include "attention_lanes.hpp"
#include "attention_tiles.hpp"

namespace adfast::INSTRUCTION_SET {

constexpr int64_t CHUNK =
    96;  // keys whose weights are held at once; they fit the first-level cache
constexpr float LOG2_E = 1.44269504088896341f, LN_2 = 0.693147180559945309f;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t rounded_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Copies strided rows of `head_dim` floats to rows of D, and fills the rest with zeros.
template <int D>
static void pack_rows(const float* from, int64_t stride, int64_t count, int64_t padded_count,
                      int64_t head_dim, float* to) {
    if (head_dim == D) {
        for (int64_t t = 0; t < count; ++t) {
#pragma GCC unroll 32
            for (int d = 0; d < D; d += W) store(to + t * D + d, load(from + t * stride + d));
        }
    } else {
        for (int64_t t = 0; t < count; ++t) {
            for (int64_t d = 0; d < D; ++d) {
                to[t * D + d] = d < head_dim ? from[t * stride + d] : 0.0f;
            }
        }
    }
    for (int64_t i = count * D; i < padded_count * D; ++i) to[i] = 0.0f;
}

// Writes rows of D back to strided rows of `head_dim` floats, times `scale`.
template <int D>
static void unpack_rows(const float* from, int64_t count, int64_t head_dim, float scale, float* to,
                        int64_t stride) {
    if (head_dim == D) {
        for (int64_t t = 0; t < count; ++t) {
#pragma GCC unroll 32
            for (int d = 0; d < D; d += W) {
                store(to + t * stride + d, load(from + t * D + d) * scale);
            }
        }
    } else {
        for (int64_t t = 0; t < count; ++t) {
            for (int64_t d = 0; d < head_dim; ++d) to[t * stride + d] = from[t * D + d] * scale;
        }
    }
}

// The first key that each query of one batch row sees.
struct LowerBound {
    const int32_t* document_start;
    int64_t window;

    int64_t operator()(int64_t query) const {
        return larger(query - window + 1, document_start ? document_start[query] : 0);
    }
};

// Queries [first, first + count), and lanes beyond them that are computed and never written.
struct Block {
    int64_t first, count;
    LowerBound lower;
    alignas(64) int32_t query[BLOCK], span[BLOCK];

    Block(int64_t first, int64_t length, const LowerBound& lower)
        : first(first), count(smaller(BLOCK, length - first)), lower(lower) {
        for (int64_t i = 0; i < BLOCK; ++i) {
            query[i] = static_cast<int32_t>(first + i);
            span[i] = static_cast<int32_t>(i < count ? first + i - larger(lower(first + i), 0)
                                                     : first + i);
        }
    }

    // Calls visit.chunk<V>(half, keys...) for all keys, V registers of queries from `half` on.
    template <typename Visitor>
    void visit_keys(Visitor& visitor) const {
        const int64_t begin = larger(lower(first), 0), end = first + count;
        if (count <= W) return visit_run<1>(visitor, 0, begin, end);
        const int64_t second_half = first + W;
        const int64_t only_first = larger(lower(second_half), 0) - begin;
        const int64_t both = begin + only_first / tile_keys<1> * tile_keys<1>;
        const int64_t only_second =
            smaller(end, both + rounded_up(second_half - both, tile_keys<2>));
        visit_run<1>(visitor, 0, begin, both);
        visit_run<2>(visitor, 0, both, only_second);
        visit_run<1>(visitor, 1, only_second, end);
    }

  private:
    template <int V, typename Visitor>
    void visit_run(Visitor& visitor, int half, int64_t begin, int64_t end) const {
        const int64_t first_query = first + half * W;
        const int64_t last_query = smaller(first_query + V * W, first + count) - 1;
        const int64_t seen_by_all = lower(last_query);
        for (int64_t key = begin; key < end; key += CHUNK) {
            const int64_t num_keys = rounded_up(smaller(CHUNK, end - key), tile_keys<V>);
            visitor.template chunk<V>(*this, half, key, num_keys, seen_by_all, first_query);
        }
    }
};

// Hands out parts of the scratch memory, each 64-byte aligned.
struct Scratch {
    float* next;

    float* take(int64_t num_floats) {
        float* part = next;
        next += rounded_up(num_floats, 16);
        return part;
    }
};

template <int D>
struct Forward {
    const AttentionProblem& problem;
    const float *keys, *values;  // rows of one key head
    Scratch scratch;
    float* rows = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to base-2 logits
    float* out = scratch.take(BLOCK * D);      // columns
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Floats maximum[2] = {}, sum[2] = {};

    void run(const LowerBound& lower, const float* q, int64_t q_stride, float* to,
             int64_t out_stride, float* lse) {
        for (int64_t first = 0; first < problem.length; first += BLOCK) {
            const Block block(first, problem.length, lower);
            pack_rows<D>(q + first * q_stride, q_stride, block.count, BLOCK, problem.head_dim,
                         rows);
            transpose<BLOCK, D>(rows, queries, problem.scale * LOG2_E);
            for (int i = 0; i < BLOCK * D; i += W) store(out + i, Floats{});
            for (int v = 0; v < 2; ++v) {
                maximum[v] = Floats{} + MASKED / 2;  // above what is masked: that weighs nothing
                sum[v] = Floats{};
            }
            block.visit_keys(*this);
            finish(block, to + first * out_stride, out_stride, lse + first);
        }
    }

    template <int V>
    void chunk(const Block& block, int half, int64_t key, int64_t num_keys, int64_t seen_by_all,
               int64_t first_query) {
        constexpr int R = tile_keys<V>;
        float* w = weights + half * W;
        Floats top[V], total[V], rescale[V];
        for (int v = 0; v < V; ++v) top[v] = maximum[half + v];
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            multiply<D>(keys + (key + j) * D, queries + half * W, tile);
            if (key + j < seen_by_all || key + j + R - 1 > first_query) {
                mask(key + j, block.query + half * W, block.span + half * W, tile);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    store(w + (j + r) * BLOCK + v * W, tile[r][v]);
                    top[v] = larger(top[v], tile[r][v]);
                }
            }
        }
        for (int v = 0; v < V; ++v) {
            rescale[v] = exp2(maximum[half + v] - top[v]);
            maximum[half + v] = top[v];
            total[v] = sum[half + v] * rescale[v];
        }
        for (int64_t j = 0; j < num_keys; j += TILE_KEYS) {
#pragma GCC unroll 16
            for (int r = 0; r < TILE_KEYS; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    float* at = w + (j + r) * BLOCK + v * W;
                    const Floats weight = exp2(load(at) - top[v]);
                    store(at, weight);
                    total[v] += weight;
                }
            }
        }
        for (int v = 0; v < V; ++v) sum[half + v] = total[v];
        accumulate_columns<D>(values + key * D, w, num_keys, rescale, out + half * W);
    }

    void finish(const Block& block, float* to, int64_t out_stride, float* lse) {
        alignas(64) float maxima[BLOCK], sums[BLOCK];
        for (int v = 0; v < 2; ++v) {
            store(maxima + v * W, maximum[v]);
            store(sums + v * W, sum[v]);
            const Floats inverse = 1.0f / sum[v];
            for (int d = 0; d < D; ++d) {
                float* at = out + d * BLOCK + v * W;
                store(at, load(at) * inverse);
            }
        }
        for (int64_t i = 0; i < block.count; ++i) {
            lse[i] = maxima[i] * LN_2 + __builtin_logf(sums[i]);
        }
        transpose<D, BLOCK>(out, rows, 1.0f);
        unpack_rows<D>(rows, block.count, problem.head_dim, 1.0f, to, out_stride);
    }
};

template <int D>
struct Backward {
    const AttentionProblem& problem;
    const float *keys, *values;  // rows of one key head
    float *d_keys, *d_values;    // rows, added to; the gradients of the keys lack the scale
    Scratch scratch;
    float* query_rows = scratch.take(BLOCK * D);
    float* d_out_rows = scratch.take(BLOCK * D);
    float* queries = scratch.take(BLOCK * D);  // columns, scaled to base-2 logits
    float* d_out = scratch.take(BLOCK * D);    // columns
    float* dq = scratch.take(BLOCK * D);       // columns, without the scale
    float* weights = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    float* d_scores = scratch.take((CHUNK + MAX_TILE_KEYS) * BLOCK);
    Floats log_sum[2] = {},
           delta[2] = {};  // of each query: lse in base 2, and the product of out and d_out

    void run(const LowerBound& lower, const float* q, int64_t q_stride, const float* out,
             int64_t out_stride, const float* lse, const float* d_out_from, int64_t d_out_stride,
             float* dq_to, int64_t dq_stride) {
        for (int64_t first = 0; first < problem.length; first += BLOCK) {
            const Block block(first, problem.length, lower);
            const auto pack = [&](const float* from, int64_t stride, float* to) {
                pack_rows<D>(from + first * stride, stride, block.count, BLOCK, problem.head_dim,
                             to);
            };
            pack(out, out_stride, query_rows);
            transpose<BLOCK, D>(query_rows, dq, 1.0f);
            pack(d_out_from, d_out_stride, d_out_rows);
            transpose<BLOCK, D>(d_out_rows, d_out, 1.0f);
            pack(q, q_stride, query_rows);
            transpose<BLOCK, D>(query_rows, queries, problem.scale * LOG2_E);
            begin(block, lse + first);
            block.visit_keys(*this);
            transpose<D, BLOCK>(dq, query_rows, problem.scale);
            unpack_rows<D>(query_rows, block.count, problem.head_dim, 1.0f,
                           dq_to + first * dq_stride, dq_stride);
        }
    }

    // Takes `out` from where the gradient of the queries will be.
    void begin(const Block& block, const float* lse) {
        alignas(64) float padded_lse[BLOCK];
        for (int64_t i = 0; i < BLOCK; ++i) padded_lse[i] = i < block.count ? lse[i] : 0.0f;
        for (int v = 0; v < 2; ++v) {
            log_sum[v] = load(padded_lse + v * W) * LOG2_E;
            delta[v] = Floats{};
            for (int d = 0; d < D; ++d) {
                const int at = d * BLOCK + v * W;
                delta[v] += load(dq + at) * load(d_out + at);
                store(dq + at, Floats{});
            }
        }
    }

    template <int V>
    void chunk(const Block& block, int half, int64_t key, int64_t num_keys, int64_t seen_by_all,
               int64_t first_query) {
        constexpr int R = tile_keys<V>;
        float *w = weights + half * W, *ds = d_scores + half * W;
        Floats one[V];
        for (int v = 0; v < V; ++v) one[v] = Floats{} + 1.0f;
        for (int64_t j = 0; j < num_keys; j += R) {
            Floats tile[R][V];
            multiply<D>(keys + (key + j) * D, queries + half * W, tile);
            if (key + j < seen_by_all || key + j + R - 1 > first_query) {
                mask(key + j, block.query + half * W, block.span + half * W, tile);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    store(w + (j + r) * BLOCK + v * W, exp2(tile[r][v] - log_sum[half + v]));
                }
            }
            multiply<D>(values + (key + j) * D, d_out + half * W, tile);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) {
                    const int64_t at = (j + r) * BLOCK + v * W;
                    store(ds + at, load(w + at) * (tile[r][v] - delta[half + v]));
                }
            }
        }
        accumulate_columns<D>(keys + key * D, ds, num_keys, one, dq + half * W);
        accumulate_rows<D>(d_out_rows + half * W * D, w, num_keys, V * W, d_values + key * D);
        accumulate_rows<D>(query_rows + half * W * D, ds, num_keys, V * W, d_keys + key * D);
    }
};

template <int D>
static void forward_padded(const AttentionProblem& problem, const Heads& q, const Heads& k,
                           const Heads& v, const MutableHeads& out, float* lse, float* memory) {
    const int64_t length = problem.length, padded = length + MAX_TILE_KEYS;
    const int64_t group = problem.heads / problem.kv_heads;
    Scratch scratch{memory};
    float* keys = scratch.take(padded * D);
    float* values = scratch.take(padded * D);
    Forward<D> head{problem, keys, values, scratch};
    for (int64_t b = 0; b < problem.batch; ++b) {
        const LowerBound lower{
            problem.document_start ? problem.document_start + b * length : nullptr, problem.window};
        for (int64_t kv = 0; kv < problem.kv_heads; ++kv) {
            pack_rows<D>(k.head(b, kv), k.time_stride, length, padded, problem.head_dim, keys);
            pack_rows<D>(v.head(b, kv), v.time_stride, length, padded, problem.head_dim, values);
            for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
                head.run(lower, q.head(b, h), q.time_stride, out.head(b, h), out.time_stride,
                         lse + (b * problem.heads + h) * length);
            }
        }
    }
}

template <int D>
static void backward_padded(const AttentionProblem& problem, const Heads& q, const Heads& k,
                            const Heads& v, const Heads& out, const float* lse, const Heads& d_out,
                            const MutableHeads& dq, const MutableHeads& dk, const MutableHeads& dv,
                            float* memory) {
    const int64_t length = problem.length, padded = length + MAX_TILE_KEYS;
    const int64_t group = problem.heads / problem.kv_heads;
    Scratch scratch{memory};
    float* keys = scratch.take(padded * D);
    float* values = scratch.take(padded * D);
    float* d_keys = scratch.take(padded * D);
    float* d_values = scratch.take(padded * D);
    Backward<D> head{problem, keys, values, d_keys, d_values, scratch};
    for (int64_t b = 0; b < problem.batch; ++b) {
        const LowerBound lower{
            problem.document_start ? problem.document_start + b * length : nullptr, problem.window};
        for (int64_t kv = 0; kv < problem.kv_heads; ++kv) {
            pack_rows<D>(k.head(b, kv), k.time_stride, length, padded, problem.head_dim, keys);
            pack_rows<D>(v.head(b, kv), v.time_stride, length, padded, problem.head_dim, values);
            for (int64_t i = 0; i < padded * D; ++i) d_keys[i] = d_values[i] = 0.0f;
            for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
                head.run(lower, q.head(b, h), q.time_stride, out.head(b, h), out.time_stride,
                         lse + (b * problem.heads + h) * length, d_out.head(b, h),
                         d_out.time_stride, dq.head(b, h), dq.time_stride);
            }
            unpack_rows<D>(d_keys, length, problem.head_dim, problem.scale, dk.head(b, kv),
                           dk.time_stride);
            unpack_rows<D>(d_values, length, problem.head_dim, 1.0f, dv.head(b, kv),
                           dv.time_stride);
        }
    }
}

// Heads are padded with zero channels to one of the widths that the kernel is compiled for.
static int64_t padded_head_dim(int64_t head_dim) {
    return head_dim <= 16 ? 16 : head_dim <= 32 ? 32 : head_dim <= 64 ? 64 : kMaxHeadDim;
}

static int64_t scratch_floats(const AttentionProblem& problem) {
    const int64_t rows = 4 * (problem.length + MAX_TILE_KEYS) + 5 * BLOCK;
    return rows * padded_head_dim(problem.head_dim) + 2 * (CHUNK + MAX_TILE_KEYS) * BLOCK;
}

static void forward(const AttentionProblem& problem, const Heads& q, const Heads& k, const Heads& v,
                    const MutableHeads& out, float* lse, float* scratch) {
    switch (padded_head_dim(problem.head_dim)) {
        case 16: return forward_padded<16>(problem, q, k, v, out, lse, scratch);
        case 32: return forward_padded<32>(problem, q, k, v, out, lse, scratch);
        case 64: return forward_padded<64>(problem, q, k, v, out, lse, scratch);
        default: return forward_padded<kMaxHeadDim>(problem, q, k, v, out, lse, scratch);
    }
}

static void backward(const AttentionProblem& problem, const Heads& q, const Heads& k,
                     const Heads& v, const Heads& out, const float* lse, const Heads& d_out,
                     const MutableHeads& dq, const MutableHeads& dk, const MutableHeads& dv,
                     float* scratch) {
    const auto run = [&](auto padded) {
        padded(problem, q, k, v, out, lse, d_out, dq, dk, dv, scratch);
    };
    switch (padded_head_dim(problem.head_dim)) {
        case 16: return run(backward_padded<16>);
        case 32: return run(backward_padded<32>);
        case 64: return run(backward_padded<64>);
        default: return run(backward_padded<kMaxHeadDim>);
    }
}

}  // namespace adfast::INSTRUCTION_SET
