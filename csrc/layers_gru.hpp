// A layer of gated recurrent units. Gates in torch's order: reset, update, new.
#pragma once

#include "layers_recurrent.hpp"

namespace adfast::INSTRUCTION_SET {

struct GruForward {
    int64_t width;
    const float* projected;
    float *gates, *recalled, *out;

    void begin_block(int64_t, int64_t) {}

    ADFAST_MEMBER Floats remember(const Floats (&given)[3], Floats memory, int64_t at, int64_t,
                                  int64_t c) const {
        const int64_t left = width - c, gate = at * 3 * width + c;
        const float* x = projected + gate;
        const Floats reset = sigmoid(load_up_to(left, x) + given[0]);
        const Floats update = sigmoid(load_up_to(left, x + width) + given[1]);
        const Floats candidate = tanh(load_up_to(left, x + 2 * width) + reset * given[2]);
        const Floats remembered = candidate + update * (memory - candidate);
        store_up_to(left, gates + gate, reset);
        store_up_to(left, gates + gate + width, update);
        store_up_to(left, gates + gate + 2 * width, candidate);
        store_up_to(left, recalled + at * width + c, given[2]);
        store_up_to(left, out + at * width + c, remembered);
        return remembered;
    }
};

struct GruBackward {
    int64_t width, batch;
    const float *gates, *recalled, *out;
    float *d_gates, *d_recalled;

    void begin_block() {}

    ADFAST_MEMBER Floats differentiate(Floats d, float* d_given, int64_t t, int64_t at, int64_t,
                                       int64_t c) const {
        const int64_t left = width - c, gate = at * 3 * width + c, channel = at * width + c;
        const Floats reset = load_up_to(left, gates + gate);
        const Floats update = load_up_to(left, gates + gate + width);
        const Floats candidate = load_up_to(left, gates + gate + 2 * width);
        const Floats memory = t == 0 ? Floats{} : load_up_to(left, out + channel - batch * width);
        const Floats d_new = d * (1.0f - update) * (1.0f - candidate * candidate);
        const Floats d_update = d * (memory - candidate) * update * (1.0f - update);
        const Floats d_reset =
            d_new * load_up_to(left, recalled + channel) * reset * (1.0f - reset);
        store_up_to(left, d_gates + gate, d_reset);
        store_up_to(left, d_gates + gate + width, d_update);
        store_up_to(left, d_gates + gate + 2 * width, d_new);
        store_up_to(left, d_recalled + channel, d_new * reset);
        store_up_to(left, d_given + c, d_reset);
        store_up_to(left, d_given + width + c, d_update);
        store_up_to(left, d_given + 2 * width + c, d_new * reset);
        return d * update;
    }
};

static void gru(const SequenceShape& shape, const float* projected, const float* initial,
                const float* weight, const float* bias, float* gates, float* recalled, float* out,
                float* scratch) {
    const DenormalsFlushed flushed;
    GruForward cell{shape.width, projected, gates, recalled, out};
    run_forward<3>(shape, initial, weight, bias, Scratch{scratch}, cell);
}

static void gru_backward(const SequenceShape& shape, const float* d_out, const float* gates,
                         const float* recalled, const float* out, const float* weight,
                         float* d_gates, float* d_recalled, float* scratch) {
    const DenormalsFlushed flushed;
    GruBackward cell{shape.width, shape.batch, gates, recalled, out, d_gates, d_recalled};
    run_backward<3>(shape, d_out, weight, Scratch{scratch}, cell);
}

}  // namespace adfast::INSTRUCTION_SET
