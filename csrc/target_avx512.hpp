// Compiles what follows, until target_end.hpp, for AVX-512: 32 registers of 16 floats.
#pragma once

#include <immintrin.h>

#define INSTRUCTION_SET avx512
#define LANES 16
#define HAS_SCALEF

namespace adfast::avx512 {
static bool is_supported() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
}
}  // namespace adfast::avx512

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target( \
    "avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512,tune=skylake-avx512")
#endif
