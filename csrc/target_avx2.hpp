// Compiles what follows, until target_end.hpp, for AVX2 and FMA: 16 registers of 8 floats.
#pragma once

#define INSTRUCTION_SET avx2
#define LANES 8

namespace adfast::avx2 {
static bool is_supported() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
}  // namespace adfast::avx2

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
