// The attention kernel for processors with AVX-512: 32 registers of 16 floats.
#include "attention.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#define INSTRUCTION_SET avx512
#define LANES 16
#define TILE_KEYS 8
#define TILE_DEPTHS 8
#define HAS_SCALEF
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target( \
    "avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512,tune=skylake-avx512")
#endif
#include "attention_kernel.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace adfast::avx512 {
static bool is_supported() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
}
extern const AttentionKernel kernel;
const AttentionKernel kernel{"avx512", is_supported,          scratch_floats, forward,
                             backward, decode_scratch_floats, decode};
}  // namespace adfast::avx512
#endif
