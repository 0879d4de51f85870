// What GRU and LSTM share: the products of a few rows' memories with a matrix, step by step.
//
// A block of rows goes through all steps before the next, so that its memories and the matrix stay
// in the cache. The matrix is packed once: registers that are multiplied by the same factor lie
// side by side.
#pragma once

#include "layers_gates.hpp"
#include "scratch.hpp"

namespace adfast::INSTRUCTION_SET {

constexpr int64_t BLOCK_ROWS = 48;  // a multiple of every tile's rows
constexpr int COLUMNS = 2;          // registers of a tile in the backward pass

// Rows of a tile that keeps N registers of each: as many as hide the latency of a multiply-add.
template <int N>
constexpr int tile_rows = W == 16 ? (N == 4 ? 6 : 8) : (N == 4 ? 3 : 4);

ADFAST_INLINE int64_t padded(int64_t width) {
    return (width + COLUMNS * W - 1) / (COLUMNS * W) * (COLUMNS * W);
}

ADFAST_INLINE int64_t rows_of_block(int64_t left) { return left < BLOCK_ROWS ? left : BLOCK_ROWS; }

static void clear(float* numbers, int64_t count) {
    for (int64_t i = 0; i < count; ++i) numbers[i] = 0.0f;
}

// Floats of scratch memory that any pass of a layer with so many gates takes.
static int64_t recurrent_scratch(int64_t width, int64_t num_gates) {
    return (padded(width) * (1 + width) + BLOCK_ROWS * (padded(width) + width)) * num_gates +
           4 * BLOCK_ROWS * padded(width) + 16 * 8;
}

// tile[r][n] += sum over k of rows[r][k] * packed[k][n], for `depth` of k.
template <int R, int N>
ADFAST_INLINE void multiply_packed(const float* rows, int64_t stride, const float* packed,
                                   int64_t depth, Floats (&tile)[R][N]) {
    for (int64_t k = 0; k < depth; ++k, packed += N * W) {
        Floats column[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) column[n] = load(packed + n * W);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) tile[r][n] += rows[r * stride + k] * column[n];
        }
    }
}

// For W channels at a time a row of their biases and then one for each channel of the memory that
// is multiplied, in each row one register per gate. `weight` [GATES * width, width].
template <int GATES>
static void pack_gates(const float* weight, const float* bias, int64_t width, float* packed) {
    for (int64_t c = 0; c < width; c += W) {
        for (int64_t k = -1; k < width; ++k) {
            for (int64_t gate = 0; gate < GATES; ++gate) {
                for (int64_t lane = 0; lane < W; ++lane) {
                    const int64_t row = gate * width + c + lane;
                    const bool is_within = c + lane < width;
                    *packed++ = !is_within ? 0.0f : k < 0 ? bias[row] : weight[row * width + k];
                }
            }
        }
    }
}

// For COLUMNS registers of channels at a time one row for each of the `depth` rows of `weight`
// [depth, width].
static void pack_columns(const float* weight, int64_t depth, int64_t width, float* packed) {
    for (int64_t c = 0; c < width; c += COLUMNS * W) {
        for (int64_t k = 0; k < depth; ++k) {
            for (int64_t i = c; i < c + COLUMNS * W; ++i) {
                *packed++ = i < width ? weight[k * width + i] : 0.0f;
            }
        }
    }
}

// Rows of `width` as rows of padded(width), zeros around them; without any, zeros.
static void begin_memories(const float* initial, int64_t count, int64_t width, float* to) {
    const int64_t stride = padded(width);
    clear(to, BLOCK_ROWS * stride);
    if (initial == nullptr) return;
    for (int64_t row = 0; row < count; ++row) {
        for (int64_t i = 0; i < width; ++i) to[row * stride + i] = initial[row * width + i];
    }
}

// Steps t = 0 .. of a layer whose memories begin as `initial`, or as zeros. `cell.remember` makes W
// channels of a row's new memory from what its gates are given: bias and product with the memory
// before.
template <int GATES, class Cell>
static void run_forward(const SequenceShape& shape, const float* initial, const float* weight,
                        const float* bias, Scratch scratch, Cell& cell) {
    constexpr int R = tile_rows<GATES>;
    const int64_t width = shape.width, stride = padded(width);
    float* packed = scratch.take(stride * (1 + width) * GATES);
    pack_gates<GATES>(weight, bias, width, packed);
    float* before = scratch.take(BLOCK_ROWS * stride);
    float* after = scratch.take(BLOCK_ROWS * stride);
    for (int64_t first = 0; first < shape.batch; first += BLOCK_ROWS) {
        const int64_t count = rows_of_block(shape.batch - first);
        const float* known = initial == nullptr ? nullptr : initial + first * width;
        begin_memories(known, count, width, before);
        clear(after, BLOCK_ROWS * stride);
        cell.begin_block(first, count);
        for (int64_t t = 0; t < shape.length; ++t) {
            const float* columns = packed;
            for (int64_t c = 0; c < width; c += W) {
                for (int64_t begin = 0; begin < count; begin += R) {
                    Floats tile[R][GATES];
#pragma GCC unroll 8
                    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
                        for (int gate = 0; gate < GATES; ++gate) {
                            tile[r][gate] = load(columns + gate * W);
                        }
                    }
                    multiply_packed<R, GATES>(before + begin * stride, stride, columns + GATES * W,
                                              width, tile);
#pragma GCC unroll 8
                    for (int r = 0; r < R; ++r) {
                        const int64_t row = begin + r;
                        if (row >= count) break;
                        const Floats memory = load(before + row * stride + c);
                        const int64_t at = t * shape.batch + first + row;
                        store(after + row * stride + c, cell.remember(tile[r], memory, at, row, c));
                    }
                }
                columns += (1 + width) * GATES * W;
            }
            float* const old = before;
            before = after;
            after = old;
        }
    }
}

// The steps from the last to the first. `cell.differentiate` writes, for W channels of a row, the
// gradients of what its gates were given, and returns what reaches the memory before past the
// gates.
template <int GATES, class Cell>
static void run_backward(const SequenceShape& shape, const float* d_out, const float* weight,
                         Scratch scratch, Cell& cell) {
    constexpr int R = tile_rows<COLUMNS>;
    const int64_t width = shape.width, stride = padded(width), depth = GATES * width;
    float* packed = scratch.take(stride * depth);
    pack_columns(weight, depth, width, packed);
    float* d_memory = scratch.take(BLOCK_ROWS * stride);
    float* d_gates = scratch.take(BLOCK_ROWS * depth);
    for (int64_t first = 0; first < shape.batch; first += BLOCK_ROWS) {
        const int64_t count = rows_of_block(shape.batch - first);
        clear(d_memory, BLOCK_ROWS * stride);
        clear(d_gates, BLOCK_ROWS * depth);
        cell.begin_block();
        for (int64_t t = shape.length - 1; t >= 0; --t) {
            for (int64_t row = 0; row < count; ++row) {
                const int64_t at = t * shape.batch + first + row;
                for (int64_t c = 0; c < width; c += W) {
                    float* kept = d_memory + row * stride + c;
                    const Floats d = load(kept) + load_up_to(width - c, d_out + at * width + c);
                    store(kept, cell.differentiate(d, d_gates + row * depth, t, at, row, c));
                }
            }
            if (t == 0) break;  // nobody asks for the gradient of the zeros before
            const float* columns = packed;
            for (int64_t c = 0; c < width; c += COLUMNS * W) {
                for (int64_t begin = 0; begin < count; begin += R) {
                    Floats tile[R][COLUMNS];
#pragma GCC unroll 8
                    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                        for (int n = 0; n < COLUMNS; ++n) {
                            tile[r][n] = load(d_memory + (begin + r) * stride + c + n * W);
                        }
                    }
                    multiply_packed<R, COLUMNS>(d_gates + begin * depth, depth, columns, depth,
                                                tile);
#pragma GCC unroll 8
                    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
                        for (int n = 0; n < COLUMNS; ++n) {
                            store(d_memory + (begin + r) * stride + c + n * W, tile[r][n]);
                        }
                    }
                }
                columns += depth * COLUMNS * W;
            }
        }
    }
}

}  // namespace adfast::INSTRUCTION_SET
