// A register of LANES floats and the few operations on it that attention needs.
//
// Written with the compiler's vector types, so that every instruction set shares the code. Included
// through attention_kernel.hpp alone; see there for the macros.
#pragma once

#include <cstdint>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace adfast::INSTRUCTION_SET {

constexpr int W = LANES;
constexpr float LOG2_E = 1.44269504088896341f, LN_2 = 0.693147180559945309f;

typedef float Floats __attribute__((vector_size(4 * W)));
typedef int32_t Ints __attribute__((vector_size(4 * W)));
typedef uint32_t Counts __attribute__((vector_size(4 * W)));
typedef float FloatsInMemory __attribute__((vector_size(4 * W), aligned(4), may_alias));
typedef int32_t IntsInMemory __attribute__((vector_size(4 * W), aligned(4), may_alias));

// Without inlining, tiles would go through memory.
#define ADFAST_INLINE static inline __attribute__((always_inline))

ADFAST_INLINE Floats load(const float* from) {
    return *reinterpret_cast<const FloatsInMemory*>(from);
}
ADFAST_INLINE Ints load(const int32_t* from) {
    return *reinterpret_cast<const IntsInMemory*>(from);
}
ADFAST_INLINE void store(float* to, Floats x) { *reinterpret_cast<FloatsInMemory*>(to) = x; }
ADFAST_INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }

template <int... I>
ADFAST_INLINE Ints numbers(std::integer_sequence<int, I...>) {
    return Ints{I...};
}
ADFAST_INLINE Ints lane_numbers() { return numbers(std::make_integer_sequence<int, W>()); }
ADFAST_INLINE bool all_of(Ints conditions) {
    bool all = true;
    for (int i = 0; i < W; ++i) all &= conditions[i] != 0;
    return all;
}

#ifdef HAS_SCALEF
// The forms with a mask, because GCC 12 warns of the others' undefined lanes.
constexpr __mmask16 EVERY_LANE = 0xffff;

// 2^x, within 1.5e-7 of its value (degree 5, minimax on [0, 1)): 0 or infinity outside of a
// float's range; NaN stays NaN.
ADFAST_INLINE Floats exp2(Floats x) {
    const auto f = (Floats)_mm512_maskz_reduce_ps(EVERY_LANE, (__m512)x, _MM_FROUND_TO_NEG_INF);
    Floats p = f * 0.0018775766948238015f + 0.00898933969438076f;
    p = p * f + 0.05582631751894951f;
    p = p * f + 0.24015361070632935f;
    p = p * f + 0.6931530833244324f;
    p = p * f + 0.9999999403953552f;
    return (Floats)_mm512_maskz_scalef_ps(EVERY_LANE, (__m512)p, (__m512)x);
}
ADFAST_INLINE Floats exp2_of_moderate(Floats x) { return exp2(x); }
#else
// 2^x for x in -100 .. 127, within 1.6e-7 of its value (degree 5, minimax on [-1/2, 1/2] with
// p(0) = 1); NaN stays NaN.
ADFAST_INLINE Floats exp2_of_moderate(Floats x) {
    const float rounder = 12582912.0f;  // 1.5 * 2^23: the sum's low bits hold the nearest integer
    const Floats rounded = x + rounder;
    const Floats f = x - (rounded - rounder);
    Floats p = f * 0.001326472731307149f + 0.009671512991189957f;
    p = p * f + 0.05550733581185341f;
    p = p * f + 0.24022242426872253f;
    p = p * f + 0.6931470036506653f;
    p = p * f + 1.0f;
    const Counts exponent = reinterpret_cast<Counts>(rounded) << 23;
    return reinterpret_cast<Floats>(reinterpret_cast<Counts>(p) + exponent);
}

// The same for any x: 0 below 2^-100 and 2^127 from there on.
ADFAST_INLINE Floats exp2(Floats x) {
    x = x > 127.0f ? Floats{} + 127.0f : x;
    const Floats power = exp2_of_moderate(x);
    return x < -100.0f ? Floats{} : power;
}
#endif

// Rounds denormal results to zero while it lives: where weights vanish they would be computed a
// hundred times slower than others. Elsewhere than on x86 they are kept.
class DenormalsFlushed {
#if defined(__x86_64__)
  public:
    DenormalsFlushed() { _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON); }
    ~DenormalsFlushed() { _mm_setcsr(before_); }
    DenormalsFlushed(const DenormalsFlushed&) = delete;
    DenormalsFlushed& operator=(const DenormalsFlushed&) = delete;

  private:
    const unsigned before_ = _mm_getcsr();
#endif
};

// log2(x) of a positive normal number, within 3e-7 + 1.2e-7 of its value; of NaN it is NaN.
ADFAST_INLINE Floats log2(Floats x) {
    // x = 2^exponent * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
    const Ints bits = reinterpret_cast<Ints>(x) - 0x3f3504f3;
    const Ints exponent = bits >> 23;
    const Floats f = reinterpret_cast<Floats>(reinterpret_cast<Ints>(x) - (exponent << 23)) - 1.0f;
    Floats p = f * 0.1258370578289032f - 0.2072697877883911f;
    p = p * f + 0.21571560204029083f;
    p = p * f - 0.23894481360912323f;
    p = p * f + 0.28791624307632446f;
    p = p * f - 0.3607036769390106f;
    p = p * f + 0.48091062903404236f;
    p = p * f - 0.7213473320007324f;
    p = p * f + 1.4426950216293335f;
    return __builtin_convertvector(exponent, Floats) + p * f + (x - x);
}

#ifdef __clang__
template <int STEP, int... I>
ADFAST_INLINE void exchange(Floats& a, Floats& b, std::integer_sequence<int, I...>) {
    const Floats low = __builtin_shufflevector(a, b, (I & STEP ? W + I - STEP : I)...);
    b = __builtin_shufflevector(a, b, (I & STEP ? W + I : I + STEP)...);
    a = low;
}
#else
template <int STEP, int... I>
ADFAST_INLINE void exchange(Floats& a, Floats& b, std::integer_sequence<int, I...>) {
    const Floats low = __builtin_shuffle(a, b, Ints{(I & STEP ? W + I - STEP : I)...});
    b = __builtin_shuffle(a, b, Ints{(I & STEP ? W + I : I + STEP)...});
    a = low;
}
#endif

// Transposes W x W by swapping off-diagonal blocks of STEP x STEP, then of half that, down to 1.
template <int STEP>
ADFAST_INLINE void transpose(Floats (&row)[W]) {
    if constexpr (STEP > 0) {
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) {
            if (!(i & STEP)) {
                exchange<STEP>(row[i], row[i + STEP], std::make_integer_sequence<int, W>());
            }
        }
        transpose<STEP / 2>(row);
    }
}

// to[c][r] = scale * from[r][c] for r < ROWS and c < COLUMNS, both multiples of W.
template <int ROWS, int COLUMNS>
ADFAST_INLINE void transpose(const float* from, int64_t from_stride, float* to, int64_t to_stride,
                             float scale) {
    for (int r = 0; r < ROWS; r += W) {
        for (int c = 0; c < COLUMNS; c += W) {
            Floats block[W];
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) block[i] = load(from + (r + i) * from_stride + c);
            transpose<W / 2>(block);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) store(to + (c + i) * to_stride + r, block[i] * scale);
        }
    }
}

}  // namespace adfast::INSTRUCTION_SET
