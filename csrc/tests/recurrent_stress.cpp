// GRU and LSTM with every instruction set of this processor, over many shapes in memory that ends
// where the arrays end, as attention_stress.cpp.
//
// Build: g++ -std=c++17 -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Icsrc
//        csrc/layers*.cpp csrc/tests/recurrent_stress.cpp -o recurrent_stress
// Exits 1 when the instruction sets differ or a result is not finite.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "exact_memory.hpp"
#include "layers.hpp"

namespace {

using adfast::LayerKernels;
using adfast::SequenceShape;

constexpr float TOLERANCE = 1e-4f;

SequenceShape random_shape(std::mt19937& random) {
    const auto draw = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    const int widths[] = {1, 5, 16, 24, 31, 32, 33, 64, 70};
    return {draw(0, 5), draw(0, 3) == 0 ? draw(0, 110) : draw(0, 9), widths[draw(0, 8)]};
}

// What is given out and kept, and the gradients, of a GRU (3 gates) or an LSTM (4).
std::vector<float> results_of(const LayerKernels& kernels, const SequenceShape& shape,
                              int64_t gates, unsigned seed) {
    std::mt19937 random(seed);
    const int64_t rows = shape.length * shape.batch, width = shape.width;
    const Memory projected(rows * gates * width, random), d_out(rows * width, random);
    const Memory weight(gates * width * width, random), bias(gates * width, random);
    const Memory hidden(shape.batch * width, random), cell(shape.batch * width, random);
    for (int64_t i = 0; i < weight.size; ++i) {
        weight.data()[i] /= std::sqrt(static_cast<float>(width));
    }
    const Memory kept_gates(projected.size), other(d_out.size), out(d_out.size);
    const Memory d_projected(projected.size), d_recalled(gates == 3 ? d_out.size : 0);
    const AlignedMemory scratch(kernels.recurrent_scratch(width, gates));
    std::vector<float> results;
    for (const bool has_past : {true, false}) {
        const float* begin = has_past ? hidden.data() : nullptr;
        const float* begin_cells = has_past ? cell.data() : nullptr;
        if (gates == 3) {
            kernels.gru(shape, projected.data(), begin, weight.data(), bias.data(),
                        kept_gates.data(), other.data(), out.data(), scratch.floats);
        } else {
            kernels.lstm(shape, projected.data(), begin, begin_cells, weight.data(), bias.data(),
                         kept_gates.data(), other.data(), out.data(), scratch.floats);
        }
        for (const Memory* part : {&kept_gates, &other, &out}) {
            results.insert(results.end(), part->data(), part->data() + part->size);
        }
    }
    if (gates == 3) {
        kernels.gru_backward(shape, d_out.data(), kept_gates.data(), other.data(), out.data(),
                             weight.data(), d_projected.data(), d_recalled.data(), scratch.floats);
    } else {
        kernels.lstm_backward(shape, d_out.data(), kept_gates.data(), other.data(), weight.data(),
                              d_projected.data(), scratch.floats);
    }
    for (const Memory* part : {&d_projected, &d_recalled}) {
        results.insert(results.end(), part->data(), part->data() + part->size);
    }
    return results;
}

}  // namespace

int main(int argc, char** argv) {
    const unsigned num_shapes = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 400;
    const auto kernels = adfast::layer_kernels();
    for (unsigned seed = 0; seed < num_shapes; ++seed) {
        std::mt19937 random(seed);
        const SequenceShape shape = random_shape(random);
        const int64_t gates = 3 + seed % 2;
        const auto expected = results_of(*kernels.back(), shape, gates, seed);
        for (const LayerKernels* kernel : kernels) {
            const auto found = results_of(*kernel, shape, gates, seed);
            for (size_t i = 0; i < found.size(); ++i) {
                if (!(std::abs(found[i] - expected[i]) <=
                      TOLERANCE * (1.0f + std::abs(expected[i])))) {
                    std::printf("%s, shape %u, entry %zu: %g, expected %g\n",
                                kernel->instruction_set, seed, i, found[i], expected[i]);
                    return 1;
                }
            }
        }
    }
    std::printf("%u shapes with %zu instruction sets\n", num_shapes, kernels.size());
    return 0;
}
