// The Python face of layers.hpp: takes contiguous float32 arrays, copies none, releases the GIL.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "layers.hpp"

namespace adfast {

// What adfast.models arranged before; kept as a guard against access out of bounds.
inline void require_layer(bool condition, const char* rule) {
    if (!condition) throw std::invalid_argument(rule);
}

template <typename Number>
const Number* numbers_of(const pybind11::array& array, int64_t count) {
    require_layer(pybind11::isinstance<pybind11::array_t<Number>>(array) &&
                      (array.flags() & pybind11::array::c_style) && array.size() == count,
                  "array must be contiguous, of the kernel's type and size");
    return static_cast<const Number*>(array.data());
}

inline float* floats_to_write(const pybind11::array& array, int64_t count) {
    require_layer(array.writeable(), "array must be writeable");
    return const_cast<float*>(numbers_of<float>(array, count));
}

inline const LayerKernels& layer_kernels_of(const std::string& instruction_set) {
    for (const LayerKernels* kernels : layer_kernels()) {
        if (instruction_set == kernels->instruction_set) return *kernels;
    }
    throw std::invalid_argument("this processor has no such instruction set");
}

// Rows of a table [R, width] as [M, F] of them, all within it.
struct RowNumbers {
    const int64_t* data;
    int64_t num_sums, num_parts, width;

    RowNumbers(const pybind11::array& table, const pybind11::array& rows) {
        require_layer(table.ndim() == 2 && rows.ndim() == 2, "table and rows must be matrices");
        num_sums = rows.shape(0);
        num_parts = rows.shape(1);
        width = table.shape(1);
        data = numbers_of<int64_t>(rows, num_sums * num_parts);
        bool are_within = true;
        for (int64_t i = 0; i < num_sums * num_parts; ++i) {
            are_within &= 0 <= data[i] && data[i] < table.shape(0);
        }
        require_layer(are_within, "a row is not in the table");
    }
};

inline void bind_layers(pybind11::module_& module) {
    namespace py = pybind11;
    using Array = const py::array&;
    using Name = const std::string&;

    module.def(
        "gelu",
        [](Name instruction_set, Array x, Array out) {
            const auto& kernels = layer_kernels_of(instruction_set);
            const float* from = numbers_of<float>(x, x.size());
            float* to = floats_to_write(out, x.size());
            const py::gil_scoped_release release;
            kernels.gelu(from, x.size(), to);
        },
        py::arg("instruction_set"), py::arg("x"), py::arg("out"));
    module.def(
        "gelu_backward",
        [](Name instruction_set, Array x, Array out, Array gradient) {
            const auto& kernels = layer_kernels_of(instruction_set);
            const float* from = numbers_of<float>(x, x.size());
            float* to = floats_to_write(out, x.size());
            float* changed = floats_to_write(gradient, x.size());
            const py::gil_scoped_release release;
            kernels.gelu_backward(from, x.size(), to, changed);
        },
        py::arg("instruction_set"), py::arg("x"), py::arg("out"), py::arg("gradient"));
    module.def(
        "normalise",
        [](Name instruction_set, Array x, Array weight, float epsilon, Array out,
           Array statistics) {
            const auto& kernels = layer_kernels_of(instruction_set);
            require_layer(x.ndim() == 2, "x must be a matrix");
            const int64_t num_rows = x.shape(0), width = x.shape(1);
            const float* from = numbers_of<float>(x, x.size());
            const float* factors = numbers_of<float>(weight, width);
            float* to = floats_to_write(out, x.size());
            float* kept = floats_to_write(statistics, 2 * num_rows);
            const py::gil_scoped_release release;
            kernels.normalise(from, num_rows, width, factors, epsilon, to, kept);
        },
        py::arg("instruction_set"), py::arg("x"), py::arg("weight"), py::arg("epsilon"),
        py::arg("out"), py::arg("statistics"));
    module.def(
        "normalise_backward",
        [](Name instruction_set, Array d_out, const std::optional<py::array>& d_residual, Array x,
           Array statistics, Array weight, Array dx, Array d_weight) {
            const auto& kernels = layer_kernels_of(instruction_set);
            require_layer(x.ndim() == 2, "x must be a matrix");
            const int64_t num_rows = x.shape(0), width = x.shape(1);
            const float* from = numbers_of<float>(d_out, x.size());
            const float* beside = d_residual ? numbers_of<float>(*d_residual, x.size()) : nullptr;
            const float* inputs = numbers_of<float>(x, x.size());
            const float* kept = numbers_of<float>(statistics, 2 * num_rows);
            const float* factors = numbers_of<float>(weight, width);
            float* to = floats_to_write(dx, x.size());
            float* to_weight = floats_to_write(d_weight, width);
            const py::gil_scoped_release release;
            kernels.normalise_backward(from, beside, inputs, kept, num_rows, width, factors, to,
                                       to_weight);
        },
        py::arg("instruction_set"), py::arg("d_out"), py::arg("d_residual"), py::arg("x"),
        py::arg("statistics"), py::arg("weight"), py::arg("dx"), py::arg("d_weight"));
    module.def(
        "sum_rows",
        [](Name instruction_set, Array table, Array rows, Array out) {
            const auto& kernels = layer_kernels_of(instruction_set);
            const RowNumbers numbers(table, rows);
            const float* from = numbers_of<float>(table, table.size());
            float* to = floats_to_write(out, numbers.num_sums * numbers.width);
            const py::gil_scoped_release release;
            kernels.sum_rows(from, numbers.data, numbers.num_sums, numbers.num_parts, numbers.width,
                             to);
        },
        py::arg("instruction_set"), py::arg("table"), py::arg("rows"), py::arg("out"));
    module.def(
        "add_rows",
        [](Name instruction_set, Array d_out, Array rows, Array table) {
            const auto& kernels = layer_kernels_of(instruction_set);
            const RowNumbers numbers(table, rows);
            const float* from = numbers_of<float>(d_out, numbers.num_sums * numbers.width);
            float* to = floats_to_write(table, table.size());
            const py::gil_scoped_release release;
            kernels.add_rows(from, numbers.data, numbers.num_sums, numbers.num_parts, numbers.width,
                             to);
        },
        py::arg("instruction_set"), py::arg("d_out"), py::arg("rows"), py::arg("table"));
}

}  // namespace adfast
