// The attention kernel for processors with AVX2 and FMA.
#include "attention.hpp"

#if defined(__x86_64__)
#include "target_avx2.hpp"
#define TILE_KEYS 6
#define TILE_DEPTHS 4
#include "attention_kernel.hpp"
#include "target_end.hpp"

namespace adfast::avx2 {
extern const AttentionKernel kernel;
const AttentionKernel kernel{"avx2",   is_supported,          scratch_floats, forward,
                             backward, decode_scratch_floats, decode};
}  // namespace adfast::avx2
#endif
