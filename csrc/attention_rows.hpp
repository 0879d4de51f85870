// Rows of channels between the caller's strided memory and packed memory, and scratch for them.
#pragma once

#include <type_traits>

#include "attention_lanes.hpp"
#include "scratch.hpp"

namespace adfast::INSTRUCTION_SET {

// Heads are padded with zero channels to one of the widths that the kernel is compiled for: what
// `run` returns, called with that width as a type.
template <typename Run>
static auto at_padded_width(int64_t head_dim, const Run& run) {
#ifndef ADFAST_HEAD_WIDTH
    if (head_dim <= 16) return run(std::integral_constant<int, 16>{});
    if (head_dim <= 32) return run(std::integral_constant<int, 32>{});
    if (head_dim <= 64) return run(std::integral_constant<int, 64>{});
#endif
    return run(std::integral_constant<int, kMaxHeadDim>{});
}

static int64_t padded_head_dim(int64_t head_dim) {
    return at_padded_width(head_dim, [](auto width) { return int64_t{width.value}; });
}

// Rows of `head_dim` adjacent floats in the caller's memory.
template <typename Float>
struct Rows {
    Float* data;
    int64_t stride;

    Float* at(int64_t t) const { return data + t * stride; }
    Rows from(int64_t t) const { return {at(t), stride}; }
};

// Copies `count` rows of `head_dim` floats to rows of D; fills up with zeros to `num_rows` of them.
template <int D>
static void pack_rows(Rows<const float> from, int64_t count, int64_t num_rows, int64_t head_dim,
                      float* to) {
    for (int64_t t = 0; t < count; ++t) {
        for (int64_t d = 0; d < D; ++d) {
            to[t * D + d] = d < head_dim ? from.at(t)[d] : 0.0f;
        }
    }
    for (int64_t i = count * D; i < num_rows * D; i += W) store(to + i, Floats{});
}

// `num_rows` rows of D: those of the caller where there are as many, otherwise a copy in `padded`
// of the `count` rows there are.
template <int D>
static Rows<const float> whole_rows(Rows<const float> from, int64_t count, int64_t num_rows,
                                    int64_t head_dim, float* padded) {
    if (head_dim == D && count == num_rows) return from;
    pack_rows<D>(from, count, num_rows, head_dim, padded);
    return {padded, D};
}

// Copies `count` rows of D to rows of `head_dim` floats.
template <int D>
static void unpack_rows(const float* from, int64_t count, int64_t head_dim, Rows<float> to) {
    for (int64_t t = 0; t < count; ++t) {
        for (int64_t d = 0; d < head_dim; ++d) to.at(t)[d] = from[t * D + d];
    }
}

}  // namespace adfast::INSTRUCTION_SET
