// The kernels of layers.hpp for any processor.
#include "layers.hpp"
// The target first.
// clang-format off
#include "target_portable.hpp"
#include "layers_kernel.hpp"
// clang-format on

namespace adfast::portable {
extern const LayerKernels layers;
const LayerKernels layers = layers_of("portable", is_supported);
}  // namespace adfast::portable
