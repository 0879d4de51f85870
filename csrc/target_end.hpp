// Ends what target_avx2.hpp or target_avx512.hpp began.
#pragma once

#ifdef __clang__
#pragma clang attribute pop
#endif
