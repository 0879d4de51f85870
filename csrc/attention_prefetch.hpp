// Rows that will be needed soon, brought to the second-level cache beside the computation.
#pragma once

#include "attention_rows.hpp"

namespace adfast::INSTRUCTION_SET {

// A few rows with every tile of scores: asked for at once, they would wait for one another. Rows
// past the end of the memory do no harm, they are only hinted at.
class Prefetch {
  public:
    // Spreads `num_rows` rows of each stream over `num_tiles` calls of `advance`.
    Prefetch(int64_t num_rows, int64_t num_tiles)
        : rows_left_(num_rows), rows_per_tile_((num_rows + num_tiles - 1) / num_tiles) {}

    template <typename Float>
    void add(Rows<Float> rows) {
        next_[num_streams_] = reinterpret_cast<const char*>(rows.data);
        stride_[num_streams_++] = rows.stride * static_cast<int64_t>(sizeof(float));
    }

    // Prefetches the next rows, of D floats.
    template <int D>
    void advance() {
        for (int64_t n = rows_per_tile_; n > 0 && rows_left_ > 0; --n, --rows_left_) {
            for (int i = 0; i < num_streams_; ++i) {
                for (int byte = 0; byte < 4 * D; byte += 64) {
                    __builtin_prefetch(next_[i] + byte, 0, 2);
                }
                next_[i] += stride_[i];
            }
        }
    }

  private:
    static constexpr int MAX_STREAMS = 8;
    const char* next_[MAX_STREAMS];
    int64_t stride_[MAX_STREAMS];
    int num_streams_ = 0;
    int64_t rows_left_, rows_per_tile_;
};

}  // namespace adfast::INSTRUCTION_SET
