// A layer of long short-term memories. Gates in torch's order: input, forget, new, output.
#pragma once

#include "layers_recurrent.hpp"

namespace adfast::INSTRUCTION_SET {

struct LstmForward {
    int64_t width;
    const float *projected, *initial_cells;
    float *gates, *cells, *out;
    float* kept;  // the cells of a block, rows of padded(width)

    void begin_block(int64_t first, int64_t count) {
        const float* known = initial_cells == nullptr ? nullptr : initial_cells + first * width;
        begin_memories(known, count, width, kept);
    }

    ADFAST_MEMBER Floats remember(const Floats (&given)[4], Floats, int64_t at, int64_t row,
                                  int64_t c) const {
        const int64_t left = width - c, gate = at * 4 * width + c;
        const float* x = projected + gate;
        const Floats input = sigmoid(load_up_to(left, x) + given[0]);
        const Floats forget = sigmoid(load_up_to(left, x + width) + given[1]);
        const Floats candidate = tanh(load_up_to(left, x + 2 * width) + given[2]);
        const Floats output = sigmoid(load_up_to(left, x + 3 * width) + given[3]);
        float* cell = kept + row * padded(width) + c;
        const Floats content = forget * load(cell) + input * candidate;
        const Floats remembered = output * tanh(content);
        store(cell, content);
        store_up_to(left, gates + gate, input);
        store_up_to(left, gates + gate + width, forget);
        store_up_to(left, gates + gate + 2 * width, candidate);
        store_up_to(left, gates + gate + 3 * width, output);
        store_up_to(left, cells + at * width + c, content);
        store_up_to(left, out + at * width + c, remembered);
        return remembered;
    }
};

struct LstmBackward {
    int64_t width, batch;
    const float *gates, *cells;
    float* d_gates;
    float* d_kept;  // the gradients of a block's cells, rows of padded(width)

    void begin_block() { clear(d_kept, BLOCK_ROWS * padded(width)); }

    ADFAST_MEMBER Floats differentiate(Floats d, float* d_given, int64_t t, int64_t at, int64_t row,
                                       int64_t c) const {
        const int64_t left = width - c, gate = at * 4 * width + c, channel = at * width + c;
        const Floats input = load_up_to(left, gates + gate);
        const Floats forget = load_up_to(left, gates + gate + width);
        const Floats candidate = load_up_to(left, gates + gate + 2 * width);
        const Floats output = load_up_to(left, gates + gate + 3 * width);
        const Floats shown = tanh(load_up_to(left, cells + channel));
        const Floats before = t == 0 ? Floats{} : load_up_to(left, cells + channel - batch * width);
        float* d_cell = d_kept + row * padded(width) + c;
        const Floats d_content = load(d_cell) + d * output * (1.0f - shown * shown);
        store(d_cell, d_content * forget);
        const Floats d_input = d_content * candidate * input * (1.0f - input);
        const Floats d_forget = d_content * before * forget * (1.0f - forget);
        const Floats d_new = d_content * input * (1.0f - candidate * candidate);
        const Floats d_output = d * shown * output * (1.0f - output);
        for (float* to : {d_gates + gate, d_given + c}) {
            store_up_to(left, to, d_input);
            store_up_to(left, to + width, d_forget);
            store_up_to(left, to + 2 * width, d_new);
            store_up_to(left, to + 3 * width, d_output);
        }
        return Floats{};
    }
};

static void lstm(const SequenceShape& shape, const float* projected, const float* initial,
                 const float* initial_cells, const float* weight, const float* bias, float* gates,
                 float* cells, float* out, float* scratch) {
    const DenormalsFlushed flushed;
    Scratch rest{scratch};
    float* kept = rest.take(BLOCK_ROWS * padded(shape.width));
    LstmForward cell{shape.width, projected, initial_cells, gates, cells, out, kept};
    run_forward<4>(shape, initial, weight, bias, rest, cell);
}

static void lstm_backward(const SequenceShape& shape, const float* d_out, const float* gates,
                          const float* cells, const float* weight, float* d_gates, float* scratch) {
    const DenormalsFlushed flushed;
    Scratch rest{scratch};
    float* d_kept = rest.take(BLOCK_ROWS * padded(shape.width));
    LstmBackward cell{shape.width, shape.batch, gates, cells, d_gates, d_kept};
    run_backward<4>(shape, d_out, weight, rest, cell);
}

}  // namespace adfast::INSTRUCTION_SET
