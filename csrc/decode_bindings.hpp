// The Python face of decoding: one step of attention per environment, in place in its cache.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "attention.hpp"
#include "attention_bindings.hpp"

namespace adfast {

// A view of `array` [N, heads, D] with adjacent channels, one token per environment.
inline Heads step_view(const pybind11::array& array, const DecodeProblem& problem, int64_t heads) {
    constexpr auto item = static_cast<pybind11::ssize_t>(sizeof(float));
    require_attention(pybind11::isinstance<pybind11::array_t<float>>(array) && array.ndim() == 3 &&
                          array.shape(0) == problem.environments && array.shape(1) == heads &&
                          array.shape(2) == problem.head_dim,
                      "array must be float32 [N, H, D]");
    require_attention(array.strides(2) == item || problem.head_dim == 1 || array.size() == 0,
                      "channels must be adjacent");
    require_attention(array.strides(0) % item == 0 && array.strides(1) % item == 0,
                      "strides must be whole floats");
    return {static_cast<const float*>(array.data()), array.strides(0) / item,
            array.strides(1) / item, 0};
}

// The data of a contiguous, writeable `array` of `size` items of this kind.
template <typename Item>
void* own_data(const pybind11::array& array, int64_t size) {
    require_attention(pybind11::isinstance<pybind11::array_t<Item>>(array) &&
                          (array.flags() & pybind11::array::c_style) && array.writeable() &&
                          array.size() == size,
                      "array must be contiguous, writeable and as large as the problem");
    return const_cast<void*>(array.data());
}

inline DecodeProblem decode_problem(const pybind11::array& q, const pybind11::array& keys,
                                    const pybind11::array& step, const pybind11::array& start,
                                    float scale) {
    require_attention(q.ndim() == 3 && keys.ndim() == 4, "q is [N, H, D], keys [N, H_kv, S, D]");
    DecodeProblem problem{q.shape(0), q.shape(1), keys.shape(1), keys.shape(2),
                          q.shape(2), nullptr,    nullptr,       scale};
    require_attention(keys.shape(0) == problem.environments && keys.shape(3) == problem.head_dim,
                      "keys must be [N, H_kv, S, D] like q");
    require_attention(problem.kv_heads > 0 && problem.heads % problem.kv_heads == 0,
                      "query heads must be a multiple of key heads");
    require_attention(problem.head_dim >= 1 && problem.head_dim <= kMaxHeadDim,
                      "head dim is out of range");
    require_attention(problem.slots >= 1, "a ring has at least one slot");
    problem.step = static_cast<const int64_t*>(own_data<int64_t>(step, problem.environments));
    problem.start = static_cast<const int64_t*>(own_data<int64_t>(start, problem.environments));
    for (int64_t n = 0; n < problem.environments; ++n) {
        require_attention(0 <= problem.start[n] && problem.start[n] <= problem.step[n],
                          "start must be in 0 .. step");
    }
    return problem;
}

inline void bind_decode(pybind11::module_& module) {
    namespace py = pybind11;
    using Array = const py::array&;

    module.def(
        "attention_decode",
        [](const std::string& instruction_set, Array q, Array k_new, Array v_new, Array keys,
           Array values, Array step, Array start, float scale, Array out) {
            const AttentionKernel& kernel = attention_kernel(instruction_set);
            const auto problem = decode_problem(q, keys, step, start, scale);
            const auto q_heads = step_view(q, problem, problem.heads);
            const auto k_heads = step_view(k_new, problem, problem.kv_heads);
            const auto v_heads = step_view(v_new, problem, problem.kv_heads);
            const int64_t size =
                problem.environments * problem.kv_heads * problem.slots * problem.head_dim;
            auto* out_to = static_cast<float*>(
                own_data<float>(out, problem.environments * problem.heads * problem.head_dim));
            auto* key_rows = static_cast<Bfloat16*>(own_data<int16_t>(keys, size));
            auto* value_rows = static_cast<Bfloat16*>(own_data<int16_t>(values, size));
            const py::gil_scoped_release release;
            const AttentionScratch scratch(kernel.decode_scratch_floats(problem));
            kernel.decode(problem, q_heads, k_heads, v_heads, key_rows, value_rows, out_to,
                          scratch.data);
        },
        py::arg("instruction_set"), py::arg("q"), py::arg("k_new"), py::arg("v_new"),
        py::arg("keys"), py::arg("values"), py::arg("step"), py::arg("start"), py::arg("scale"),
        py::arg("out"));
}

}  // namespace adfast
