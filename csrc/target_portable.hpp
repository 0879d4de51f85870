// What follows is for any processor: registers of 4 floats, as SSE2 and NEON have them.
#pragma once

#define INSTRUCTION_SET portable
#define LANES 4

namespace adfast::portable {
static bool is_supported() { return true; }
}  // namespace adfast::portable
