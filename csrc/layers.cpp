#include "layers.hpp"

namespace adfast {

#if defined(__x86_64__)
namespace avx512 {
extern const LayerKernels layers;
}
namespace avx2 {
extern const LayerKernels layers;
}
#endif
namespace portable {
extern const LayerKernels layers;
}

std::vector<const LayerKernels*> layer_kernels() {
    std::vector<const LayerKernels*> supported;
    for (const LayerKernels* kernels : {
#if defined(__x86_64__)
             &avx512::layers, &avx2::layers,
#endif
             &portable::layers}) {
        if (kernels->is_supported()) supported.push_back(kernels);
    }
    return supported;
}

}  // namespace adfast
