// Marks the memory of a mapping that nothing may touch, for AddressSanitizer.
//
// A mapping ends with its last page, so a read past its data would pass unnoticed there.
#pragma once

#include <cstddef>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace adfast {

// An access to `bytes` bytes from `memory` on is reported from now on.
inline void forbid_access([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(memory, bytes);
#endif
}

// Must be called before memory with forbidden parts is unmapped: what is mapped there next would
// inherit them.
inline void allow_access([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace adfast
