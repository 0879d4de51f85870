// The Python face of the recurrent layers of layers.hpp, as layers_bindings.hpp.
#pragma once

#include "attention_bindings.hpp"
#include "layers_bindings.hpp"

namespace adfast {

// What all passes of a layer share: `out` [T, B, width], and a weight [num_gates * width, width].
struct RecurrentCall {
    const LayerKernels& kernels;
    SequenceShape shape;
    const float* weight;
    int64_t num_outputs, num_gates;
    AttentionScratch scratch;

    RecurrentCall(const std::string& instruction_set, const pybind11::array& out,
                  const pybind11::array& weights, int64_t gates)
        : kernels(layer_kernels_of(instruction_set)),
          shape(shape_of(out)),
          weight(numbers_of<float>(weights, gates * shape.width * shape.width)),
          num_outputs(out.size()),
          num_gates(gates),
          scratch(kernels.recurrent_scratch(shape.width, gates)) {}

    static SequenceShape shape_of(const pybind11::array& out) {
        require_layer(out.ndim() == 3, "out must be [T, B, width]");
        return {out.shape(0), out.shape(1), out.shape(2)};
    }

    const float* outputs(const pybind11::array& array) const {
        return numbers_of<float>(array, num_outputs);
    }
    float* outputs_to_write(const pybind11::array& array) const {
        return floats_to_write(array, num_outputs);
    }
    const float* gates(const pybind11::array& array) const {
        return numbers_of<float>(array, num_gates * num_outputs);
    }
    float* gates_to_write(const pybind11::array& array) const {
        return floats_to_write(array, num_gates * num_outputs);
    }
    // What begins, [B, width]; null where it is None.
    const float* memories(const std::optional<pybind11::array>& array) const {
        return array ? numbers_of<float>(*array, shape.batch * shape.width) : nullptr;
    }
    const float* bias(const pybind11::array& array) const {
        return numbers_of<float>(array, num_gates * shape.width);
    }
};

inline void bind_recurrent(pybind11::module_& module) {
    namespace py = pybind11;
    using Array = const py::array&;
    using Name = const std::string&;
    using Memories = const std::optional<py::array>&;

    module.def(
        "gru",
        [](Name instruction_set, Array projected, Memories initial, Array weight, Array bias,
           Array gates, Array recalled, Array out) {
            const RecurrentCall call(instruction_set, out, weight, 3);
            const float* from = call.gates(projected);
            float* kept_gates = call.gates_to_write(gates);
            const float* begin = call.memories(initial);
            const float* biases = call.bias(bias);
            float* kept = call.outputs_to_write(recalled);
            float* to = call.outputs_to_write(out);
            const py::gil_scoped_release release;
            call.kernels.gru(call.shape, from, begin, call.weight, biases, kept_gates, kept, to,
                             call.scratch.data);
        },
        py::arg("instruction_set"), py::arg("projected"), py::arg("initial"), py::arg("weight"),
        py::arg("bias"), py::arg("gates"), py::arg("recalled"), py::arg("out"));
    module.def(
        "gru_backward",
        [](Name instruction_set, Array d_out, Array gates, Array recalled, Array out, Array weight,
           Array d_projected, Array d_recalled) {
            const RecurrentCall call(instruction_set, out, weight, 3);
            const float* from = call.outputs(d_out);
            const float* kept_gates = call.gates(gates);
            const float* kept = call.outputs(recalled);
            const float* memories = call.outputs(out);
            float* to = call.gates_to_write(d_projected);
            float* to_recalled = call.outputs_to_write(d_recalled);
            const py::gil_scoped_release release;
            call.kernels.gru_backward(call.shape, from, kept_gates, kept, memories, call.weight, to,
                                      to_recalled, call.scratch.data);
        },
        py::arg("instruction_set"), py::arg("d_out"), py::arg("gates"), py::arg("recalled"),
        py::arg("out"), py::arg("weight"), py::arg("d_projected"), py::arg("d_recalled"));
    module.def(
        "lstm",
        [](Name instruction_set, Array projected, Memories initial, Memories initial_cells,
           Array weight, Array bias, Array gates, Array cells, Array out) {
            const RecurrentCall call(instruction_set, out, weight, 4);
            const float* from = call.gates(projected);
            float* kept_gates = call.gates_to_write(gates);
            const float* begin = call.memories(initial);
            const float* begin_cells = call.memories(initial_cells);
            const float* biases = call.bias(bias);
            float* kept = call.outputs_to_write(cells);
            float* to = call.outputs_to_write(out);
            const py::gil_scoped_release release;
            call.kernels.lstm(call.shape, from, begin, begin_cells, call.weight, biases, kept_gates,
                              kept, to, call.scratch.data);
        },
        py::arg("instruction_set"), py::arg("projected"), py::arg("initial"),
        py::arg("initial_cells"), py::arg("weight"), py::arg("bias"), py::arg("gates"),
        py::arg("cells"), py::arg("out"));
    module.def(
        "lstm_backward",
        [](Name instruction_set, Array d_out, Array gates, Array cells, Array weight,
           Array d_projected) {
            const RecurrentCall call(instruction_set, d_out, weight, 4);
            const float* from = call.outputs(d_out);
            const float* kept_gates = call.gates(gates);
            const float* kept = call.outputs(cells);
            float* to = call.gates_to_write(d_projected);
            const py::gil_scoped_release release;
            call.kernels.lstm_backward(call.shape, from, kept_gates, kept, call.weight, to,
                                       call.scratch.data);
        },
        py::arg("instruction_set"), py::arg("d_out"), py::arg("gates"), py::arg("cells"),
        py::arg("weight"), py::arg("d_projected"));
}

}  // namespace adfast
