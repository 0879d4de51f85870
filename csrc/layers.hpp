// What of a training step is neither a matrix product nor attention, on one core in float32.
//
// As attention.hpp: compiled once per instruction set (layers_kernel.hpp), no threads, no memory of
// its own. All arrays are contiguous, rows of `width` floats. The definitions are in torch:
// adfast/models/layers/feed_forward.py, norm.py and summed_rows.py.
#pragma once

#include <cstdint>
#include <vector>

namespace adfast {

// Sequences for a recurrent layer, all beginning at once: arrays are [length, batch, ...].
struct SequenceShape {
    int64_t length, batch, width;
};

struct LayerKernels {
    const char* instruction_set;
    bool (*is_supported)();

    // out = x * Phi(x), Phi the normal distribution: the exact GELU, not its tanh form.
    void (*gelu)(const float* x, int64_t count, float* out);
    // Writes gelu(x) to `out` and multiplies `gradient` by its derivative at x.
    void (*gelu_backward)(const float* x, int64_t count, float* out, float* gradient);

    // out = (x - mean) * inverse * weight, where `inverse` is 1 / sqrt(variance + epsilon), by
    // rows; writes [mean, inverse] of each row to `statistics`.
    void (*normalise)(const float* x, int64_t num_rows, int64_t width, const float* weight,
                      float epsilon, float* out, float* statistics);
    // Writes dx, plus `d_residual` if there is one, and adds to d_weight.
    void (*normalise_backward)(const float* d_out, const float* d_residual, const float* x,
                               const float* statistics, int64_t num_rows, int64_t width,
                               const float* weight, float* dx, float* d_weight);

    // out[m] = sum over f of table[rows[m][f]]
    void (*sum_rows)(const float* table, const int64_t* rows, int64_t num_sums, int64_t num_parts,
                     int64_t width, float* out);
    // table[rows[m][f]] += d_out[m], in the order of m
    void (*add_rows)(const float* d_out, const int64_t* rows, int64_t num_sums, int64_t num_parts,
                     int64_t width, float* table);

    // Floats of scratch memory, aligned to 64 bytes, that a recurrent layer's passes take.
    int64_t (*recurrent_scratch)(int64_t width, int64_t num_gates);
    // A GRU whose memories begin as `initial` [B, width], or null as zeros: `projected`
    // [T, B, 3 width] are its inputs' products with their weights and biases, `weight`
    // [3 width, width] and `bias` are those of its memory. Writes `out` [T, B, width], and what the
    // gradient needs: `gates` [T, B, 3 width] and `recalled` [T, B, width], what the reset gate was
    // multiplied with.
    void (*gru)(const SequenceShape& shape, const float* projected, const float* initial,
                const float* weight, const float* bias, float* gates, float* recalled, float* out,
                float* scratch);
    // Where memories began as zeros: writes the gradients of `projected` and of `recalled`.
    void (*gru_backward)(const SequenceShape& shape, const float* d_out, const float* gates,
                         const float* recalled, const float* out, const float* weight,
                         float* d_projected, float* d_recalled, float* scratch);
    // An LSTM, in the same way, of four gates; keeps its `cells` [T, B, width].
    void (*lstm)(const SequenceShape& shape, const float* projected, const float* initial,
                 const float* initial_cells, const float* weight, const float* bias, float* gates,
                 float* cells, float* out, float* scratch);
    void (*lstm_backward)(const SequenceShape& shape, const float* d_out, const float* gates,
                          const float* cells, const float* weight, float* d_projected,
                          float* scratch);
};

// Those that this processor runs, the fastest first.
std::vector<const LayerKernels*> layer_kernels();

}  // namespace adfast
