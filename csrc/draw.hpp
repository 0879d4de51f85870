// The draws that choose windows: a counter-based hash, so that a draw depends on its numbers alone.
//
// Every draw is an output of SplitMix64 (Steele, Lea & Flood 2014), addressed by its index instead
// of reached by iteration. Seed, draw and row of the batch each select one output of the stream
// before it; the attempts within a row are the outputs of the row's own stream.
// The plain-Python twin is tests/reference/ring_buffer.py.
#pragma once

#include <cstdint>

namespace adfast {

// Output `index` of the SplitMix64 generator whose state is `stream`.
inline uint64_t splitmix(uint64_t stream, uint64_t index) {
    uint64_t word = stream + (index + 1) * 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

// The stream of one batch; row b of the batch draws from `splitmix(batch_stream(...), b)`.
inline uint64_t batch_stream(uint64_t seed, uint64_t draw) {
    return splitmix(splitmix(splitmix(0, seed), draw), 0);
}

// `bits` scaled to [0, bound): monotone in `bits`, uniform up to bound / 2^64.
inline uint64_t scale(uint64_t bits, uint64_t bound) {
    __extension__ using uint128 = unsigned __int128;
    return static_cast<uint64_t>((static_cast<uint128>(bits) * bound) >> 64);
}

}  // namespace adfast
