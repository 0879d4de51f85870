// Attention with every instruction set of this processor, over many shapes in memory that ends
// where the tensors end: under AddressSanitizer whatever is read or written beside them is
// reported.
//
// Build: g++ -std=c++17 -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Icsrc
//        csrc/attention*.cpp csrc/tests/attention_stress.cpp -o attention_stress
// Exits 1 when the instruction sets differ or a result is not finite.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "attention.hpp"
#include "exact_memory.hpp"

namespace {

using adfast::AttentionKernel;
using adfast::AttentionProblem;
using adfast::Heads;
using adfast::MutableHeads;

constexpr float TOLERANCE = 1e-4f;

// Token-major heads, as projections lay them out.
template <typename Float>
adfast::HeadsView<Float> view(int64_t length, int64_t heads, int64_t head_dim, float* data) {
    return {data, length * heads * head_dim, head_dim, heads * head_dim};
}

struct Shape {
    int64_t batch, heads, kv_heads, length, prefix, head_dim, window;
    bool has_documents;
};

Shape random_shape(std::mt19937& random) {
    const auto draw = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    const int kv_heads = draw(1, 2);
    // Of each width some that fill it; where one alone is compiled, those that it takes.
    const int head_dims[] = {1, 5, 16, 16, 24, 32, 32, 64, 100, 128};
    const int num_head_dims = adfast::kMaxHeadDim == 32 ? 7 : 10;
    const int length = draw(1, 90), prefix = draw(0, 1) * draw(0, length - 1);
    return {draw(1, 2),   kv_heads * draw(1, 2),
            kv_heads,     length,
            prefix,       head_dims[draw(0, num_head_dims - 1)],
            draw(1, 100), draw(0, 1) == 1};
}

// Results of one kernel: values, log-sum-exp and three gradients, one after the other.
std::vector<float> results_of(const AttentionKernel& kernel, const Shape& shape, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<int32_t> starts;
    for (int64_t b = 0; b < shape.batch; ++b) {
        int32_t start = 0;
        for (int64_t t = 0; t < shape.length; ++t) {
            if (random() % 16 == 0) start = static_cast<int32_t>(t);
            if (t >= shape.prefix) starts.push_back(start);
        }
    }
    const AttentionProblem problem{shape.batch,
                                   shape.heads,
                                   shape.kv_heads,
                                   shape.length,
                                   shape.prefix,
                                   shape.head_dim,
                                   shape.window,
                                   shape.has_documents ? starts.data() : nullptr,
                                   1.0f / std::sqrt(static_cast<float>(shape.head_dim))};
    const auto of_queries = [&](int64_t n) { return shape.batch * problem.num_queries() * n; };
    Memory q(of_queries(shape.heads * shape.head_dim)), d_out(q.size);
    Memory k(shape.batch * shape.length * shape.kv_heads * shape.head_dim), v(k.size);
    Memory out(q.size), lse(of_queries(shape.heads));
    Memory dq(q.size), dk(k.size), dv(k.size);
    for (Memory* input : {&q, &k, &v, &d_out}) input->fill(random);
    // Some rows have logits that overflow without a maximum.
    if (seed % 4 == 0) {
        for (int64_t i = 0; i < q.size / 2; ++i) q.floats[i] *= 100.0f;
    }
    const AlignedMemory scratch(kernel.scratch_floats(problem));
    const auto queries = [&](Memory& memory) {
        return view<float>(problem.num_queries(), shape.heads, shape.head_dim, memory.floats.get());
    };
    const auto keys = [&](Memory& memory) {
        return view<float>(shape.length, shape.kv_heads, shape.head_dim, memory.floats.get());
    };
    const auto read = [](const MutableHeads& heads) {
        return Heads{heads.data, heads.batch_stride, heads.head_stride, heads.time_stride};
    };
    kernel.forward(problem, read(queries(q)), read(keys(k)), read(keys(v)), queries(out),
                   lse.floats.get(), scratch.floats);
    kernel.backward(problem, read(queries(q)), read(keys(k)), read(keys(v)), read(queries(out)),
                    lse.floats.get(), read(queries(d_out)), queries(dq), keys(dk), keys(dv),
                    scratch.floats);
    std::vector<float> results;
    for (const Memory* part : {&out, &lse, &dq, &dk, &dv}) {
        results.insert(results.end(), part->floats.get(), part->floats.get() + part->size);
    }
    return results;
}

}  // namespace

int main(int argc, char** argv) {
    const unsigned num_shapes = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 400;
    const auto kernels = adfast::attention_kernels();
    for (unsigned seed = 0; seed < num_shapes; ++seed) {
        std::mt19937 random(seed);
        const Shape shape = random_shape(random);
        const auto expected = results_of(*kernels.back(), shape, seed);
        for (const AttentionKernel* kernel : kernels) {
            const auto found = results_of(*kernel, shape, seed);
            for (size_t i = 0; i < found.size(); ++i) {
                const float allowed =
                    TOLERANCE * (seed % 4 == 0 ? 1e3f : 1.0f) * (1.0f + std::abs(expected[i]));
                if (!(std::abs(found[i] - expected[i]) <= allowed)) {
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
