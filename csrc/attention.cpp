#include "attention.hpp"

namespace adfast {

#if defined(__x86_64__)
namespace avx512 {
extern const AttentionKernel kernel;
}
namespace avx2 {
extern const AttentionKernel kernel;
}
#endif
namespace portable {
extern const AttentionKernel kernel;
}

std::vector<const AttentionKernel*> attention_kernels() {
    std::vector<const AttentionKernel*> supported;
    for (const AttentionKernel* kernel : {
#if defined(__x86_64__)
             &avx512::kernel, &avx2::kernel,
#endif
             &portable::kernel}) {
        if (kernel->is_supported()) supported.push_back(kernel);
    }
    return supported;
}

}  // namespace adfast
