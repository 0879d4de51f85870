// The attention kernel for any processor.
#include "attention.hpp"
#include "target_portable.hpp"
#define TILE_KEYS 4
#define TILE_DEPTHS 4
#include "attention_kernel.hpp"

namespace adfast::portable {
extern const AttentionKernel kernel;
const AttentionKernel kernel{"portable", is_supported,          scratch_floats, forward,
                             backward,   decode_scratch_floats, decode};
}  // namespace adfast::portable
