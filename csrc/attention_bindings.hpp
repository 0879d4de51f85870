// The Python face of attention: takes strided float32 arrays, copies none,
// releases the GIL.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "attention.hpp"

namespace adfast {

// What adfast.attention checked before; kept as a guard against access out of
// bounds.
inline void require_attention(bool condition, const char* rule) {
    if (!condition) throw std::invalid_argument(rule);
}

// A view of `array` [B, H, T, D], with adjacent channels and the given numbers of heads and of
// tokens.
template <typename Float>
HeadsView<Float> heads_view(const pybind11::array& array, const AttentionProblem& problem,
                            int64_t heads, int64_t length) {
    constexpr auto item = static_cast<pybind11::ssize_t>(sizeof(float));
    require_attention(pybind11::isinstance<pybind11::array_t<float>>(array) && array.ndim() == 4 &&
                          array.shape(0) == problem.batch && array.shape(1) == heads &&
                          array.shape(2) == length && array.shape(3) == problem.head_dim,
                      "array must be float32 [B, H, T, D]");
    require_attention(array.strides(3) == item || problem.head_dim == 1 || array.size() == 0,
                      "channels must be adjacent");
    for (int axis = 0; axis < 3; ++axis) {
        require_attention(array.strides(axis) % item == 0, "strides must be whole floats");
    }
    if constexpr (!std::is_const_v<Float>) {
        require_attention(array.writeable(), "array must be writeable");
    }
    return {static_cast<Float*>(const_cast<void*>(array.data())), array.strides(0) / item,
            array.strides(1) / item, array.strides(2) / item};
}

// Views of what belongs to queries, and of what belongs to keys.
template <typename Float>
HeadsView<Float> query_view(const pybind11::array& array, const AttentionProblem& problem) {
    return heads_view<Float>(array, problem, problem.heads, problem.num_queries());
}
template <typename Float>
HeadsView<Float> key_view(const pybind11::array& array, const AttentionProblem& problem) {
    return heads_view<Float>(array, problem, problem.kv_heads, problem.length);
}

// The lse [B, H, T] of `problem`.
inline float* lse_data(const pybind11::array& array, const AttentionProblem& problem) {
    require_attention(pybind11::isinstance<pybind11::array_t<float>>(array) &&
                          (array.flags() & pybind11::array::c_style) &&
                          array.size() == problem.batch * problem.heads * problem.num_queries(),
                      "lse must be contiguous float32 [B, H, T]");
    return static_cast<float*>(const_cast<void*>(array.data()));
}

inline AttentionProblem attention_problem(const pybind11::array& q, const pybind11::array& k,
                                          const std::optional<pybind11::array>& document_start,
                                          int64_t window, float scale) {
    require_attention(q.ndim() == 4 && k.ndim() == 4, "q and k must be [B, H, T, D]");
    AttentionProblem problem{
        q.shape(0), q.shape(1), k.shape(1), k.shape(2), k.shape(2) - q.shape(2),
        q.shape(3), window,     nullptr,    scale};
    require_attention(problem.kv_heads > 0 && problem.heads % problem.kv_heads == 0,
                      "query heads must be a multiple of key heads");
    require_attention(problem.head_dim >= 1 && problem.head_dim <= kMaxHeadDim,
                      "head dim is out of range");
    require_attention(problem.num_queries() >= 1 && problem.length < (int64_t{1} << 31),
                      "length is out of range");
    require_attention(problem.prefix >= 0, "there must be as many keys as queries, or more");
    require_attention(window >= 1, "window must be at least 1");
    if (document_start) {
        require_attention(pybind11::isinstance<pybind11::array_t<int32_t>>(*document_start) &&
                              (document_start->flags() & pybind11::array::c_style) &&
                              document_start->size() == problem.batch * problem.num_queries(),
                          "document_start must be contiguous int32 [B, T]");
        problem.document_start = static_cast<const int32_t*>(document_start->data());
    }
    return problem;
}

inline const AttentionKernel& attention_kernel(const std::string& instruction_set) {
    for (const AttentionKernel* kernel : attention_kernels()) {
        if (instruction_set == kernel->instruction_set) return *kernel;
    }
    throw std::invalid_argument("this processor has no such instruction set");
}

// Memory for one call, 64-byte aligned.
struct AttentionScratch {
    explicit AttentionScratch(int64_t num_floats)
        : data(static_cast<float*>(
              ::operator new(num_floats * sizeof(float), std::align_val_t{64}))) {}
    ~AttentionScratch() { ::operator delete(data, std::align_val_t{64}); }
    AttentionScratch(const AttentionScratch&) = delete;
    AttentionScratch& operator=(const AttentionScratch&) = delete;

    float* const data;
};

inline void bind_attention(pybind11::module_& module) {
    namespace py = pybind11;
    using Array = const py::array&;
    using Documents = const std::optional<py::array>&;

    module.def("attention_instruction_sets", [] {
        std::vector<std::string> names;
        for (const auto* kernel : attention_kernels()) names.emplace_back(kernel->instruction_set);
        return names;
    });
    module.def("has_bfloat16_products", [] {
#if defined(__x86_64__)
        return __builtin_cpu_supports("avx512bf16") != 0;  // who has AMX has these too
#else
        return false;
#endif
    });
    module.def(
        "attention_forward",
        [](const std::string& instruction_set, Array q, Array k, Array v, Documents document_start,
           int64_t window, float scale, Array out, Array lse) {
            const AttentionKernel& kernel = attention_kernel(instruction_set);
            const auto problem = attention_problem(q, k, document_start, window, scale);
            const auto q_heads = query_view<const float>(q, problem);
            const auto k_heads = key_view<const float>(k, problem);
            const auto v_heads = key_view<const float>(v, problem);
            const auto out_heads = query_view<float>(out, problem);
            float* lse_to = lse_data(lse, problem);
            const py::gil_scoped_release release;
            const AttentionScratch scratch(kernel.scratch_floats(problem));
            return kernel.forward(problem, q_heads, k_heads, v_heads, out_heads, lse_to,
                                  scratch.data);
        },
        py::arg("instruction_set"), py::arg("q"), py::arg("k"), py::arg("v"),
        py::arg("document_start"), py::arg("window"), py::arg("scale"), py::arg("out"),
        py::arg("lse"));
    module.def(
        "attention_backward",
        [](const std::string& instruction_set, Array q, Array k, Array v, Documents document_start,
           int64_t window, float scale, Array out, Array lse, Array d_out, Array dq, Array dk,
           Array dv) {
            const AttentionKernel& kernel = attention_kernel(instruction_set);
            const auto problem = attention_problem(q, k, document_start, window, scale);
            const auto q_heads = query_view<const float>(q, problem);
            const auto k_heads = key_view<const float>(k, problem);
            const auto v_heads = key_view<const float>(v, problem);
            const auto out_heads = query_view<const float>(out, problem);
            const auto d_out_heads = query_view<const float>(d_out, problem);
            const auto dq_heads = query_view<float>(dq, problem);
            const auto dk_heads = key_view<float>(dk, problem);
            const auto dv_heads = key_view<float>(dv, problem);
            const float* lse_from = lse_data(lse, problem);
            const py::gil_scoped_release release;
            const AttentionScratch scratch(kernel.scratch_floats(problem));
            kernel.backward(problem, q_heads, k_heads, v_heads, out_heads, lse_from, d_out_heads,
                            dq_heads, dk_heads, dv_heads, scratch.data);
        },
        py::arg("instruction_set"), py::arg("q"), py::arg("k"), py::arg("v"),
        py::arg("document_start"), py::arg("window"), py::arg("scale"), py::arg("out"),
        py::arg("lse"), py::arg("d_out"), py::arg("dq"), py::arg("dk"), py::arg("dv"));
}

}  // namespace adfast
