// The attention kernel for processors with AVX2 and FMA: 16 registers of 8
// floats.
#include "attention.hpp"

#if defined(__x86_64__)
#define INSTRUCTION_SET avx2
#define LANES 8
#define TILE_KEYS 4
#define TILE_DEPTHS 4
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include "attention_kernel.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace adfast::avx2 {
static bool is_supported() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
extern const AttentionKernel kernel;
const AttentionKernel kernel{"avx2",   is_supported,          scratch_floats, forward,
                             backward, decode_scratch_floats, decode};
}  // namespace adfast::avx2
#endif
