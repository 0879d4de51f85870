// The attention kernel for any processor: registers of 4 floats, as SSE2 and
// NEON have them.
#include "attention.hpp"

#define INSTRUCTION_SET portable
#define LANES 4
#define TILE_KEYS 4
#define TILE_DEPTHS 4
#include "attention_kernel.hpp"

namespace adfast::portable {
static bool is_supported() { return true; }
extern const AttentionKernel kernel;
const AttentionKernel kernel{"portable", is_supported,          scratch_floats, forward,
                             backward,   decode_scratch_floats, decode};
}  // namespace adfast::portable
