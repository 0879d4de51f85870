// Copies of the pieces that windows are made of: some hundred to some thousand bytes, at any
// address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace adfast {

using CopyBytes = void (*)(std::byte* to, const std::byte* from, size_t bytes);

inline void plain_copy(std::byte* to, const std::byte* from, size_t bytes) {
    std::memcpy(to, from, bytes);
}

#if defined(__x86_64__)
// glibc takes from 2 KB on the processor's string instruction where it is said to be fast, which on
// some of them depends on how both addresses are aligned. Here stores are whole aligned registers;
// the first and the last one overlap their neighbours.
__attribute__((target("avx2"))) inline void copy_avx2(std::byte* to, const std::byte* from,
                                                      size_t bytes) {
    typedef long long Register __attribute__((vector_size(32), aligned(1), may_alias));
    constexpr size_t kRegister = sizeof(Register);
    if (bytes < kRegister) return plain_copy(to, from, bytes);
    *reinterpret_cast<Register*>(to) = *reinterpret_cast<const Register*>(from);
    size_t done = kRegister - reinterpret_cast<uintptr_t>(to) % kRegister;
    for (; done + 4 * kRegister <= bytes; done += 4 * kRegister) {
        // Spelled out: `auto` would forget that a register in memory may be at any address.
        const Register* loaded = reinterpret_cast<const Register*>(from + done);
        Register* stored = reinterpret_cast<Register*>(to + done);
        const Register a = loaded[0], b = loaded[1], c = loaded[2], d = loaded[3];
        stored[0] = a, stored[1] = b, stored[2] = c, stored[3] = d;
    }
    for (; done + kRegister <= bytes; done += kRegister) {
        *reinterpret_cast<Register*>(to + done) = *reinterpret_cast<const Register*>(from + done);
    }
    const size_t last = bytes - kRegister;
    *reinterpret_cast<Register*>(to + last) = *reinterpret_cast<const Register*>(from + last);
}
#endif

// What copies pieces fastest on this processor.
inline CopyBytes fastest_copy() {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2");
    if (has_avx2) return copy_avx2;
#endif
    return plain_copy;
}

}  // namespace adfast
