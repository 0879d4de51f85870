// The nonlinearities of recurrent layers, within 5e-7 of their values; where the
// sigmoid is below 1e-3, within 1e-9.
#pragma once

#include "layers_lanes.hpp"

namespace adfast::INSTRUCTION_SET {

// `x` within -limit .. limit; NaN stays NaN.
ADFAST_INLINE Floats limited(Floats x, float limit) {
    x = x > limit ? Floats{} + limit : x;
    return x < -limit ? Floats{} - limit : x;
}

// 1 / (1 + exp(-x)); below -69 it is 1e-30.
ADFAST_INLINE Floats sigmoid(Floats x) {
    return 1.0f / (1.0f + exp2_of_moderate(limited(x, 69.0f) * -LOG2_E));
}

// tanh(x) = e / (e + 2), where e = exp(2 x) - 1 is made without cancelling: with 2 x = (k + f) ln 2
// it is 2^k (2^f - 1) + (2^k - 1), and 2^f - 1 is f times a polynomial of degree 5, minimax on
// [-1/2, 1/2].
ADFAST_INLINE Floats tanh(Floats x) {
    const float rounder = 12582912.0f;  // 1.5 * 2^23: the sum's low bits hold the nearest integer
    x = limited(x, 10.0f) * (2.0f * LOG2_E);
    const Floats rounded = x + rounder;
    const Floats f = x - (rounded - rounder);
    Floats p = f * 0.00015395252557937056f + 0.0013390700332820415f;
    p = p * f + 0.009618262760341167f;
    p = p * f + 0.05550357699394226f;
    p = p * f + 0.24022649228572845f;
    p = p * f + 0.6931471824645996f;
    const Counts exponent = (reinterpret_cast<Counts>(rounded) + 127u) << 23;
    const Floats power = reinterpret_cast<Floats>(exponent);
    const Floats e = power * (p * f) + (power - 1.0f);
    return e / (e + 2.0f);
}

}  // namespace adfast::INSTRUCTION_SET
