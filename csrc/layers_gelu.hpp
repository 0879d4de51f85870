// The exact GELU and its derivative.
#pragma once

#include "layers_lanes.hpp"

namespace adfast::INSTRUCTION_SET {

constexpr float FARTHEST = 11.5f;  // beyond lies 1e-30 of the distribution: as good as nothing

// Of u = |x|: the density of the normal distribution, and how much of it lies beyond u.
struct Tail {
    Floats u, density, beyond;

    // `beyond` is within 2e-8 of its value, less where it is small: the density times a polynomial
    // in t = 1 / (1 + p * u), of degree 6 and exact at 0, as in Hastings' approximation (Abramowitz
    // and Stegun 26.2.17) of degree 5. NaN stays NaN.
    explicit __attribute__((always_inline)) Tail(Floats x) {
        u = x < 0.0f ? -x : x;
        u = u > FARTHEST ? Floats{} + FARTHEST : u;
        const Floats bell = exp2_of_moderate(u * u * (-0.5f * LOG2_E));
        const Floats t = 1.0f / (u * 0.39f + 1.0f);
        Floats p = t * 0.05342794209718704f - 0.25666701793670654f;
        p = p * t + 0.3728303611278534f;
        p = p * t - 0.014929155819118023f;
        p = p * t + 0.19382447004318237f;
        p = p * t + 0.15151338279247284f;
        beyond = bell * (p * t);
        density = bell * 0.3989422804014327f;
    }
};

ADFAST_INLINE Floats gelu_of(Floats x, const Tail& tail) {
    return (x > 0.0f ? x : Floats{}) - tail.u * tail.beyond;
}

ADFAST_INLINE Floats gelu_slope(Floats x, const Tail& tail) {
    const Floats below_zero = tail.beyond - tail.u * tail.density;
    return x > 0.0f ? 1.0f - below_zero : below_zero;
}

static void gelu(const float* x, int64_t count, float* out) {
    for (int64_t i = 0; i < count; i += W) {
        const Floats at = load_up_to(count - i, x + i);
        store_up_to(count - i, out + i, gelu_of(at, Tail(at)));
    }
}

static void gelu_backward(const float* x, int64_t count, float* out, float* gradient) {
    for (int64_t i = 0; i < count; i += W) {
        const Floats at = load_up_to(count - i, x + i);
        const Tail tail(at);
        const Floats slope = gelu_slope(at, tail) * load_up_to(count - i, gradient + i);
        store_up_to(count - i, out + i, gelu_of(at, tail));
        store_up_to(count - i, gradient + i, slope);
    }
}

}  // namespace adfast::INSTRUCTION_SET
