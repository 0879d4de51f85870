// Layer normalisation without a bias, and its gradient.
//
// Source: Ba et al. 2016, "Layer normalization" (arXiv 1607.06450).
#pragma once

#include <cmath>

#include "layers_lanes.hpp"

namespace adfast::INSTRUCTION_SET {

static void normalise(const float* x, int64_t num_rows, int64_t width, const float* weight,
                      float epsilon, float* out, float* statistics) {
    const float share = 1.0f / static_cast<float>(width);
    for (int64_t row = 0; row < num_rows; ++row, x += width, out += width, statistics += 2) {
        Floats sum = {}, squares = {};
        for (int64_t c = 0; c < width; c += W) sum += load_up_to(width - c, x + c);
        const Floats mean = summed(sum) * share;
        for (int64_t c = 0; c < width; c += W) {
            const Floats centred = within(width - c, load_up_to(width - c, x + c) - mean);
            squares += centred * centred;
        }
        const float inverse = 1.0f / std::sqrt(summed(squares)[0] * share + epsilon);
        for (int64_t c = 0; c < width; c += W) {
            const Floats normal = (load_up_to(width - c, x + c) - mean) * inverse;
            store_up_to(width - c, out + c, normal * load_up_to(width - c, weight + c));
        }
        statistics[0] = mean[0];
        statistics[1] = inverse;
    }
}

static void normalise_backward(const float* d_out, const float* d_residual, const float* x,
                               const float* statistics, int64_t num_rows, int64_t width,
                               const float* weight, float* dx, float* d_weight) {
    const float share = 1.0f / static_cast<float>(width);
    for (int64_t row = 0; row < num_rows; ++row, statistics += 2) {
        const float mean = statistics[0], inverse = statistics[1];
        Floats sum = {}, along = {};  // of the gradient of the normal row; of its part along it
        for (int64_t c = 0; c < width; c += W) {
            const int64_t left = width - c;
            const Floats normal = (load_up_to(left, x + c) - mean) * inverse;
            const Floats d = load_up_to(left, d_out + c);
            const Floats d_normal = d * load_up_to(left, weight + c);
            sum += d_normal;
            along += d_normal * normal;
            store_up_to(left, d_weight + c, load_up_to(left, d_weight + c) + d * normal);
        }
        sum = summed(sum) * share;
        along = summed(along) * share;
        for (int64_t c = 0; c < width; c += W) {
            const int64_t left = width - c;
            const Floats normal = (load_up_to(left, x + c) - mean) * inverse;
            const Floats d_normal = load_up_to(left, d_out + c) * load_up_to(left, weight + c);
            Floats d = (d_normal - sum - normal * along) * inverse;
            if (d_residual) d += load_up_to(left, d_residual + c);
            store_up_to(left, dx + c, d);
        }
        x += width;
        d_out += width;
        dx += width;
        if (d_residual) d_residual += width;
    }
}

}  // namespace adfast::INSTRUCTION_SET
