// One step of attention per environment, against its ring of keys and values.
//
// Keys and values are kept in bfloat16, all arithmetic is in float32. What an environment sees is
// at most two runs of slots, so nothing that is hidden is read: keys once, then values once, row
// after row as they lie in memory. Twin: adfast/attention/decode_cpu.py.
#pragma once

#include <cmath>
#include <cstring>

#include "attention.hpp"
#include "attention_lanes.hpp"
#include "attention_rows.hpp"

namespace adfast::INSTRUCTION_SET {

// bfloat16 is the upper half of a float32. The widening has names of its own, because GCC takes it
// apart.
ADFAST_INLINE Floats load(const Bfloat16* from) {
#if LANES == 16
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return (Floats)_mm512_maskz_slli_epi32(EVERY_LANE,
                                           _mm512_maskz_cvtepu16_epi32(EVERY_LANE, halves), 16);
#elif LANES == 8
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return (Floats)_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16);
#elif LANES == 4 && defined(__x86_64__)
    const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return (Floats)_mm_unpacklo_epi16(_mm_setzero_si128(), halves);
#else
    typedef uint16_t Halves __attribute__((vector_size(2 * W), aligned(2), may_alias));
    const Halves halves = *reinterpret_cast<const Halves*>(from);
    return reinterpret_cast<Floats>(__builtin_convertvector(halves, Counts) << 16);
#endif
}

// Writes fewer than W of them, as floats.
ADFAST_INLINE void widen_part(const Bfloat16* from, int64_t count, float* to) {
#if LANES == 16
    const __mmask16 lanes = (1u << count) - 1;
    const __m256i halves = _mm256_maskz_loadu_epi16(lanes, from);
    const __m512i bits =
        _mm512_maskz_slli_epi32(lanes, _mm512_maskz_cvtepu16_epi32(lanes, halves), 16);
    _mm512_mask_storeu_ps(to, lanes, (__m512)bits);
#else
    for (int64_t d = 0; d < count; ++d) {
        const uint32_t bits = uint32_t{from[d].bits} << 16;
        std::memcpy(to + d, &bits, sizeof bits);
    }
#endif
}

// The nearest bfloat16, the even one of two.
ADFAST_INLINE Bfloat16 narrowed(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const bool is_nan = x != x;
    return {static_cast<uint16_t>(is_nan ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// Lane r of the result is the sum of all lanes of row[r].
template <int STEP>
ADFAST_INLINE Floats sums(Floats (&row)[W]) {
#pragma GCC unroll 16
    for (int i = 0; i < STEP; ++i) {
        exchange<STEP>(row[i], row[i + STEP], std::make_integer_sequence<int, W>());
        row[i] += row[i + STEP];
    }
    if constexpr (STEP > 1) return sums<STEP / 2>(row);
    return row[0];
}

// Slots that follow one another in memory.
struct SlotRun {
    int64_t first, count;
};

// Attends for one head of one environment after the other.
template <int D>
class Decode {
  public:
    Decode(const DecodeProblem& problem, float* memory) : problem_(problem) {
        Scratch scratch{memory};
        query_ = scratch.take(D);
        wide_ = scratch.take(W * D);
        logits_ = scratch.take(problem.slots + W);
        std::memset(wide_, 0, W * D * sizeof(float));  // the channels that no row has stay zero
    }

    // The slots that environment n sees at this step, the oldest first.
    void look_at(int64_t n) {
        const int64_t slot = problem_.step[n] % problem_.slots;
        const int64_t age = problem_.step[n] - problem_.start[n];
        const int64_t visible = age < problem_.slots ? age + 1 : problem_.slots;
        const int64_t before = visible > slot + 1 ? visible - slot - 1 : 0;  // at the ring's end
        runs_[0] = {problem_.slots - before, before};
        runs_[1] = {slot + 1 - (visible - before), visible - before};
        visible_ = visible;
    }

    // `out` of the head with query `q`, and keys and values [slots][head_dim]. `next_keys` are
    // those that are read afterwards; they and the values are fetched while there is something to
    // compute.
    void attend(const float* q, const Bfloat16* keys, const Bfloat16* values,
                const Bfloat16* next_keys, float* out) {
        for (int64_t d = 0; d < D; ++d) {
            query_[d] = d < problem_.head_dim ? q[d] * (problem_.scale * LOG2_E) : 0.0f;
        }
        float* logits = logits_;
        for (const SlotRun& run : runs_) {
            for (int64_t i = 0; i < run.count; i += W) {
                const int64_t count = run.count - i < W ? run.count - i : W;
                const int64_t at = (run.first + i) * problem_.head_dim;
                const Bfloat16* rows = keys + at;
                prefetch<W>(values + at);
                store(logits + i, problem_.head_dim == D ? logits_of(rows, count)
                                                         : logits_of(packed(rows, count), count));
            }
            logits += run.count;
        }
        const float total = exponentiate();
        Floats sum[CHUNKS] = {};
        const float* weights = logits_;
        for (const SlotRun& run : runs_) {
            const int64_t at = run.first * problem_.head_dim;
            add_values(values + at, run.count, weights, next_keys + at, sum);
            weights += run.count;
        }
        finish(sum, total, out);
    }

  private:
    static constexpr int CHUNKS = D / W;
    static constexpr int AT_ONCE = CHUNKS >= 4 ? 1 : 4 / CHUNKS;  // rows with sums of their own

    // `count` rows of D floats: those of the cache, filled up with zeros.
    const float* packed(const Bfloat16* rows, int64_t count) const {
        for (int64_t r = 0; r < count; ++r, rows += problem_.head_dim) {
            int64_t d = 0;
            for (; d + W <= problem_.head_dim; d += W) store(wide_ + r * D + d, load(rows + d));
            widen_part(rows + d, problem_.head_dim - d, wide_ + r * D + d);
        }
        return wide_;
    }

    // The logits of up to W rows in binary units, one per lane; the lanes beyond repeat the last.
    template <typename Row>
    Floats logits_of(const Row* rows, int64_t count) const {
        if (count == W) return logits_at(rows, [](int r) { return r; });
        return logits_at(rows, [count](int r) { return r < count ? r : count - 1; });
    }

    template <typename Row, typename Index>
    __attribute__((always_inline)) Floats logits_at(const Row* rows, const Index& index) const {
        Floats product[W];
#pragma GCC unroll 16
        for (int r = 0; r < W; ++r) {
            const Row* row = rows + index(r) * D;
            product[r] = load(row) * load(query_);
#pragma GCC unroll 32
            for (int d = W; d < D; d += W) product[r] += load(row + d) * load(query_ + d);
        }
        return sums<W / 2>(product);
    }

    // Turns the logits into weights, of which the greatest is 1, and returns their sum.
    float exponentiate() {
        store(logits_ + visible_, Floats{} - INFINITY);
        Floats greatest = load(logits_);
        for (int64_t i = W; i < visible_; i += W) greatest = larger(greatest, load(logits_ + i));
        float most = greatest[0];
        for (int lane = 1; lane < W; ++lane) most = greatest[lane] > most ? greatest[lane] : most;
        Floats total{};
        for (int64_t i = 0; i < visible_; i += W) {
            const Floats weight = exp2(load(logits_ + i) - most);
            store(logits_ + i, weight);
            total += weight;
        }
        float sum = 0.0f;
        for (int lane = 0; lane < W; ++lane) sum += total[lane];
        return sum;
    }

    // Adds `count` rows of values, each times its weight.
    void add_values(const Bfloat16* rows, int64_t count, const float* weights, const Bfloat16* next,
                    Floats (&sum)[CHUNKS]) {
        if (problem_.head_dim == D) return add_rows(rows, count, weights, next, sum);
        for (int64_t i = 0; i < count; i += W) {
            const int64_t at = i * problem_.head_dim, at_once = count - i < W ? count - i : W;
            add_rows(packed(rows + at, at_once), at_once, weights + i, next + at, sum);
        }
    }

    template <typename Row>
    static void add_rows(const Row* rows, int64_t count, const float* weights, const Bfloat16* next,
                         Floats (&sum)[CHUNKS]) {
        Floats part[AT_ONCE][CHUNKS] = {};
        const int64_t whole = count / AT_ONCE * AT_ONCE;
        for (int64_t i = 0; i < whole; i += AT_ONCE) {
            prefetch<AT_ONCE>(next + i * D);
#pragma GCC unroll 4
            for (int r = 0; r < AT_ONCE; ++r) {
#pragma GCC unroll 32
                for (int c = 0; c < CHUNKS; ++c) {
                    part[r][c] += load(rows + (i + r) * D + c * W) * weights[i + r];
                }
            }
        }
#pragma GCC unroll 32
        for (int c = 0; c < CHUNKS; ++c) {
            for (int r = 0; r < AT_ONCE; ++r) sum[c] += part[r][c];
            for (int64_t i = whole; i < count; ++i) {
                sum[c] += load(rows + i * D + c * W) * weights[i];
            }
        }
    }

    // Fetches ROWS rows into the second-level cache, where more lines can be waited for.
    template <int ROWS>
    __attribute__((always_inline)) static void prefetch(const Bfloat16* rows) {
        constexpr int BYTES = ROWS * D * sizeof(Bfloat16);
        for (int byte = 0; byte < BYTES; byte += 64) {
            __builtin_prefetch(reinterpret_cast<const char*>(rows) + byte, 0, 2);
        }
    }

    void finish(const Floats (&sum)[CHUNKS], float total, float* out) const {
        for (int c = 0; c < CHUNKS; ++c) {
            const Floats attended = sum[c] / total;
            for (int lane = 0; lane < W && c * W + lane < problem_.head_dim; ++lane) {
                out[c * W + lane] = attended[lane];
            }
        }
    }

    const DecodeProblem& problem_;
    float *query_, *wide_, *logits_;
    SlotRun runs_[2];
    int64_t visible_;
};

template <int D>
static void decode_padded(const DecodeProblem& problem, const Heads& q, const Heads& k_new,
                          const Heads& v_new, Bfloat16* keys, Bfloat16* values, float* out,
                          float* memory) {
    Decode<D> pass(problem, memory);
    const int64_t group = problem.heads / problem.kv_heads, dim = problem.head_dim;
    for (int64_t n = 0; n < problem.environments; ++n) {
        pass.look_at(n);
        const int64_t slot = problem.step[n] % problem.slots;
        for (int64_t kv = 0; kv < problem.kv_heads; ++kv) {
            const int64_t ring = (n * problem.kv_heads + kv) * problem.slots * dim;
            for (int64_t d = 0; d < dim; ++d) {
                keys[ring + slot * dim + d] = narrowed(k_new.head(n, kv)[d]);
                values[ring + slot * dim + d] = narrowed(v_new.head(n, kv)[d]);
            }
            const Bfloat16* next_keys = keys + ring + problem.slots * dim;
            for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
                pass.attend(q.head(n, h), keys + ring, values + ring, next_keys,
                            out + (n * problem.heads + h) * dim);
            }
        }
    }
}

static int64_t decode_scratch_floats(const DecodeProblem& problem) {
    return (1 + W) * kMaxHeadDim + problem.slots + W + 3 * 16;
}

static void decode(const DecodeProblem& problem, const Heads& q, const Heads& k_new,
                   const Heads& v_new, Bfloat16* keys, Bfloat16* values, float* out,
                   float* scratch) {
    const DenormalsFlushed flushed;
    at_padded_width(problem.head_dim, [&](auto width) {
        decode_padded<width.value>(problem, q, k_new, v_new, keys, values, out, scratch);
    });
}

}  // namespace adfast::INSTRUCTION_SET
