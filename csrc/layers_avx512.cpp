// The kernels of layers.hpp for processors with AVX-512.
#include "layers.hpp"

#if defined(__x86_64__)
// The target first.
// clang-format off
#include "target_avx512.hpp"
#include "layers_kernel.hpp"
#include "target_end.hpp"
// clang-format on

namespace adfast::avx512 {
extern const LayerKernels layers;
const LayerKernels layers = layers_of("avx512", is_supported);
}  // namespace adfast::avx512
#endif
