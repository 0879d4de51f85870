// Scratch memory of a kernel, which its caller owns.
#pragma once

#include <cstdint>

namespace adfast::INSTRUCTION_SET {

// Hands out parts of the scratch memory, each 64-byte aligned.
struct Scratch {
    float* next;

    float* take(int64_t num_floats) {
        float* part = next;
        next += (num_floats + 15) / 16 * 16;
        return part;
    }
};

}  // namespace adfast::INSTRUCTION_SET
