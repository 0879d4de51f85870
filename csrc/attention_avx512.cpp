// The attention kernel for processors with AVX-512.
#include "attention.hpp"

#if defined(__x86_64__)
#include "target_avx512.hpp"
#define TILE_KEYS 8
#define TILE_DEPTHS 8
#include "attention_kernel.hpp"
#include "target_end.hpp"

namespace adfast::avx512 {
extern const AttentionKernel kernel;
const AttentionKernel kernel{"avx512", is_supported,          scratch_floats, forward,
                             backward, decode_scratch_floats, decode};
}  // namespace adfast::avx512
#endif
