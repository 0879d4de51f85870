// The kernels of layers.hpp for processors with AVX2 and FMA.
#include "layers.hpp"

#if defined(__x86_64__)
// The target first.
// clang-format off
#include "target_avx2.hpp"
#include "layers_kernel.hpp"
#include "target_end.hpp"
// clang-format on

namespace adfast::avx2 {
extern const LayerKernels layers;
const LayerKernels layers = layers_of("avx2", is_supported);
}  // namespace adfast::avx2
#endif
