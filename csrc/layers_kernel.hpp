// All kernels of layers.hpp. Included once per instruction set, after its target was set, by a file
// that defines INSTRUCTION_SET (a namespace) and LANES (floats in a register).
#pragma once

#include "layers_gelu.hpp"
#include "layers_gru.hpp"
#include "layers_lstm.hpp"
#include "layers_norm.hpp"
#include "layers_rows.hpp"

namespace adfast::INSTRUCTION_SET {

static constexpr LayerKernels layers_of(const char* name, bool (*is_supported)()) {
    return {
        name,     is_supported,      gelu, gelu_backward, normalise, normalise_backward, sum_rows,
        add_rows, recurrent_scratch, gru,  gru_backward,  lstm,      lstm_backward};
}

}  // namespace adfast::INSTRUCTION_SET
