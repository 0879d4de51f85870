// Registers at the end of a row, which may not be full, and sums across a register.
#pragma once

#include "attention_lanes.hpp"

namespace adfast::INSTRUCTION_SET {

#define ADFAST_MEMBER inline __attribute__((always_inline))

// The first `count` floats, at most a register of them; zeros after them.
ADFAST_INLINE Floats load_up_to(int64_t count, const float* from) {
    if (count >= W) return load(from);
    Floats x = {};
    for (int64_t i = 0; i < count; ++i) x[i] = from[i];
    return x;
}
ADFAST_INLINE void store_up_to(int64_t count, float* to, Floats x) {
    if (count >= W) return store(to, x);
    for (int64_t i = 0; i < count; ++i) to[i] = x[i];
}
// `x` with zeros after its first `count` lanes.
ADFAST_INLINE Floats within(int64_t count, Floats x) {
    if (count >= W) return x;
    return lane_numbers() < static_cast<int32_t>(count) ? x : Floats{};
}

// The sum of all lanes, in each of them.
template <int STEP = W / 2>
ADFAST_INLINE Floats summed(Floats x) {
    if constexpr (STEP > 0) {
        Floats low = x, high = x;
        exchange<STEP>(low, high, std::make_integer_sequence<int, W>());
        return summed<STEP / 2>(low + high);
    }
    return x;
}

}  // namespace adfast::INSTRUCTION_SET
