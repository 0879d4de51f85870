// Copies of bytes that the writer may be changing while readers copy them.
//
// A reader throws away what it copied from rows that changed meanwhile (gather.hpp), so plain
// memcpy does. It is a data race by the letter all the same: under ThreadSanitizer the shared side
// goes through relaxed atomics, which leaves only the races that nobody meant to be reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_bytes.hpp"

namespace adfast {

#ifdef __SANITIZE_THREAD__
// Bytes of the next atomic access to shared memory: a word where there is a whole aligned one.
inline size_t shared_size(const std::byte* shared, size_t bytes) {
    const bool is_aligned = reinterpret_cast<uintptr_t>(shared) % sizeof(uint64_t) == 0;
    return is_aligned && bytes >= sizeof(uint64_t) ? sizeof(uint64_t) : 1;
}
#endif

// Copy from rows that the writer may be changing to memory of the caller's own.
inline void load_shared(std::byte* to, const std::byte* from, size_t bytes,
                        [[maybe_unused]] CopyBytes copy = plain_copy) {
#ifdef __SANITIZE_THREAD__
    for (size_t i = 0; i < bytes;) {
        const size_t size = shared_size(from + i, bytes - i);
        if (size == sizeof(uint64_t)) {
            const uint64_t word =
                __atomic_load_n(reinterpret_cast<const uint64_t*>(from + i), __ATOMIC_RELAXED);
            std::memcpy(to + i, &word, size);
        } else {
            __atomic_load(from + i, to + i, __ATOMIC_RELAXED);
        }
        i += size;
    }
#else
    copy(to, from, bytes);
#endif
}

// Copy from memory of the caller's own to rows that readers may be copying.
inline void store_shared(std::byte* to, const std::byte* from, size_t bytes) {
#ifdef __SANITIZE_THREAD__
    for (size_t i = 0; i < bytes;) {
        const size_t size = shared_size(to + i, bytes - i);
        if (size == sizeof(uint64_t)) {
            uint64_t word;
            std::memcpy(&word, from + i, size);
            __atomic_store_n(reinterpret_cast<uint64_t*>(to + i), word, __ATOMIC_RELAXED);
        } else {
            std::byte value = from[i];
            __atomic_store(to + i, &value, __ATOMIC_RELAXED);
        }
        i += size;
    }
#else
    std::memcpy(to, from, bytes);
#endif
}

}  // namespace adfast
