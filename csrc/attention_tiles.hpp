// The three products of attention, each on a tile that stays in registers.
//
// D channels of a head (padded to a multiple of W), V registers of W queries. Three layouts: `rows`
// are [token][D], at any distance; `columns` [D][BLOCK] and `weights` [key][BLOCK] hold one query
// per column. Every multiply-add takes one factor from a register and one broadcast from memory.
#pragma once

#include <limits>

#include "attention_rows.hpp"

namespace adfast::INSTRUCTION_SET {

constexpr int BLOCK = 2 * W;  // queries that are worked on together
constexpr float MASKED = -std::numeric_limits<float>::infinity();

// Keys in a tile of scores: as many accumulators as hide the latency of a multiply-add.
template <int V>
constexpr int tile_keys = V == 1 ? 2 * TILE_KEYS : TILE_KEYS;
constexpr int MAX_TILE_KEYS = 2 * TILE_KEYS;

// tile[r][v] = start[v] + sum over d of rows[first + r][d] * columns[d][v]; rows after `last` are
// that one, for the caller to mask.
template <int D, int V, int R>
ADFAST_INLINE void multiply(Rows<const float> rows, int64_t first, int64_t last,
                            const float* columns, const Floats (&start)[V], Floats (&tile)[R][V]) {
    const float* row[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) row[r] = rows.at(first + r < last ? first + r : last);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) tile[r][v] = start[v];
    }
#pragma GCC unroll 4
    for (int d = 0; d < D; ++d) {
        Floats column[V];
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) column[v] = load(columns + d * BLOCK + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) tile[r][v] += row[r][d] * column[v];
        }
    }
}

// Sets the scores of keys that a query does not see: it sees `span` keys before
// its own.
template <int V, int R>
ADFAST_INLINE void mask(int64_t first_key, const int32_t* query, const int32_t* span,
                        Floats (&tile)[R][V]) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
        const Ints own = load(query + v * W) - static_cast<int32_t>(first_key);
        const Counts limit = reinterpret_cast<Counts>(load(span + v * W));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const Counts age = reinterpret_cast<Counts>(own - r);  // of a later key: above any span
            tile[r][v] = age <= limit ? tile[r][v] : Floats{} + MASKED;
        }
    }
}

// out[d][v] += sum over j of rows[j][d] * weights[j][v]
template <int D, int V>
ADFAST_INLINE void accumulate_columns(Rows<const float> rows, const float* weights,
                                      int64_t num_keys, float* out) {
    for (int first = 0; first < D; first += TILE_DEPTHS) {
        Floats tile[TILE_DEPTHS][V];
#pragma GCC unroll 16
        for (int i = 0; i < TILE_DEPTHS; ++i) {
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) tile[i][v] = load(out + (first + i) * BLOCK + v * W);
        }
#pragma GCC unroll 4
        for (int64_t j = 0; j < num_keys; ++j) {
            Floats weight[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) weight[v] = load(weights + j * BLOCK + v * W);
            const float* row = rows.at(j) + first;
#pragma GCC unroll 16
            for (int i = 0; i < TILE_DEPTHS; ++i) {
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) tile[i][v] += row[i] * weight[v];
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < TILE_DEPTHS; ++i) {
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) store(out + (first + i) * BLOCK + v * W, tile[i][v]);
        }
    }
}

// out[r][d] += sum over q in begin .. end - 1 of weights[r][q] * rows[q][d], for N registers of
// channels and r < num_rows.
template <int R, int N>
ADFAST_INLINE void accumulate_rows_tile(Rows<const float> rows, const float* weights, int64_t begin,
                                        int64_t end, Rows<float> out, int64_t num_rows) {
    Floats tile[R][N];
    float* row[R];  // after `num_rows` rows the last of them: written first, then overwritten
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        row[r] = out.at(r < num_rows ? r : num_rows - 1);
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) tile[r][n] = load(row[r] + n * W);
    }
#pragma GCC unroll 4
    for (int64_t q = begin; q < end; ++q) {
        Floats factor[N];
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) factor[n] = load(rows.at(q) + n * W);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
            for (int n = 0; n < N; ++n) tile[r][n] += weights[r * BLOCK + q] * factor[n];
        }
    }
#pragma GCC unroll 16
    for (int r = R - 1; r >= 0; --r) {
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) store(row[r] + n * W, tile[r][n]);
    }
}

}  // namespace adfast::INSTRUCTION_SET
