// Sums of rows of a table, and their gradient. Every row number is within the table.
#pragma once

#include "layers_lanes.hpp"

namespace adfast::INSTRUCTION_SET {

static void sum_rows(const float* table, const int64_t* rows, int64_t num_sums, int64_t num_parts,
                     int64_t width, float* out) {
    for (int64_t m = 0; m < num_sums; ++m, rows += num_parts, out += width) {
        for (int64_t c = 0; c < width; c += W) {
            Floats sum = {};
            for (int64_t f = 0; f < num_parts; ++f) {
                sum += load_up_to(width - c, table + rows[f] * width + c);
            }
            store_up_to(width - c, out + c, sum);
        }
    }
}

static void add_rows(const float* d_out, const int64_t* rows, int64_t num_sums, int64_t num_parts,
                     int64_t width, float* table) {
    for (int64_t m = 0; m < num_sums; ++m, rows += num_parts, d_out += width) {
        for (int64_t f = 0; f < num_parts; ++f) {
            float* row = table + rows[f] * width;
            for (int64_t c = 0; c < width; c += W) {
                const int64_t left = width - c;
                store_up_to(left, row + c, load_up_to(left, row + c) + load_up_to(left, d_out + c));
            }
        }
    }
}

}  // namespace adfast::INSTRUCTION_SET
