// Copies drawn windows into the rows of a batch.
//
// A window is copied optimistically and checked afterwards: if the writer has reserved over any of
// its rows meanwhile, the copy may be torn and the row is drawn again from its stream.
#pragma once

#include <stdexcept>
#include <vector>

#include "draw.hpp"
#include "lanes.hpp"
#include "window_plan.hpp"

namespace adfast {

// The writer replaced what a plan refers to; a new plan is needed.
struct Overwritten : std::runtime_error {
    Overwritten() : std::runtime_error("the writer overwrote the windows that were drawn") {}
};

struct Batch {
    const Lanes& lanes;
    const WindowPlan& plan;
    uint64_t stream;                 // of batch_stream()
    size_t length;                   // rows of the batch's items, at least the plan's length
    std::vector<size_t> fields;      // which fields to copy
    std::vector<std::byte*> outputs; // [batch, length, item], one per entry of `fields`
    // Identities, each optional: [batch] for whole windows, [batch, length] for packed rows.
    int64_t* history = nullptr;
    int64_t* offset = nullptr;
};

constexpr uint64_t kMaxAttempts = 64;       // torn copies of one row before the plan is given up
constexpr size_t kPrefetchedBytes = 2048;  // of each field: what the hardware cannot foresee
constexpr size_t kLineBytes = 64;

// True while no row of the window has been reserved for something newer.
inline bool is_held(const Batch& batch, const WindowPlan::Window& window, uint64_t count) {
    return window.row >= window.entry->low && window.row + count <= window.entry->end &&
           window.row >= batch.lanes.lane(window.entry->lane).first_held();
}

inline void prefetch(const Batch& batch, const WindowPlan::Window& window) {
    const Lane& lane = batch.lanes.lane(window.entry->lane);
    const uint64_t slot = window.row % lane.capacity;
    for (const size_t field : batch.fields) {
        const size_t item = batch.lanes.item_bytes(field);
        const std::byte* from = lane.columns[field] + slot * item;
        const size_t bytes = std::min({batch.length * item, kPrefetchedBytes,
                                       static_cast<size_t>(lane.capacity - slot) * item});
        for (size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(from + at, 0, 2);
    }
}

// Copy `count` rows of a window to token `token` of the batch; false if the copy may be torn.
inline bool copy_window(const Batch& batch, const WindowPlan::Window& window, size_t token,
                        size_t count) {
    if (!is_held(batch, window, count)) return false;
    const Lane& lane = batch.lanes.lane(window.entry->lane);
    for (size_t i = 0; i < batch.fields.size(); ++i) {
        const size_t field = batch.fields[i];
        std::byte* target = batch.outputs[i] + token * batch.lanes.item_bytes(field);
        batch.lanes.copy(lane, field, window.row, count, target);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    return is_held(batch, window, count);
}

// Fill rows [first, last) of the batch with one window each.
inline void gather_windows(const Batch& batch, size_t first, size_t last) {
    std::vector<WindowPlan::Window> windows(last - first);
    for (size_t row = first; row < last; ++row) {
        const uint64_t bits = splitmix(splitmix(batch.stream, row), 0);
        windows[row - first] = batch.plan.locate(batch.lanes, bits);
    }
    prefetch(batch, windows[0]);
    for (size_t row = first; row < last; ++row) {
        if (row + 1 < last) prefetch(batch, windows[row + 1 - first]);
        WindowPlan::Window window = windows[row - first];
        for (uint64_t attempt = 1; !copy_window(batch, window, row * batch.length, batch.length);
             ++attempt) {
            if (attempt == kMaxAttempts) throw Overwritten();
            const uint64_t bits = splitmix(splitmix(batch.stream, row), attempt);
            window = batch.plan.locate(batch.lanes, bits);
        }
        if (batch.history) {
            batch.history[row] = static_cast<int64_t>(window.entry->history);
            batch.offset[row] = static_cast<int64_t>(window.row - window.entry->history_row);
        }
    }
}

// Fill rows [first, last) of the batch with documents back to back: a random cut, `length` rows
// long, from an endless concatenation of histories drawn uniformly. The first document is therefore
// drawn by its candidates (a plan of length 1), the others whole from their first candidate on.
// `document_start` [batch, length] receives the index in the row at which each token's document
// starts.
inline void gather_packed(const Batch& batch, int32_t* document_start, size_t first, size_t last) {
    const auto& entries = batch.plan.entries();
    for (size_t row = first; row < last; ++row) {
        const uint64_t stream = splitmix(batch.stream, row);
        uint64_t torn = 0;
        size_t filled = 0;
        for (uint64_t number = 0; filled < batch.length; ++number) {
            const uint64_t bits = splitmix(stream, number);
            const WindowPlan::Window window =
                filled == 0 ? batch.plan.locate(batch.lanes, bits)
                            : batch.plan.window(batch.lanes, entries[scale(bits, entries.size())], 0);
            const size_t token = row * batch.length + filled;
            const size_t count = std::min<uint64_t>(batch.length - filled,
                                                    window.entry->end - window.row);
            if (!copy_window(batch, window, token, count)) {
                if (++torn == kMaxAttempts) throw Overwritten();
                continue;
            }
            for (size_t i = 0; i < count; ++i) {
                document_start[token + i] = static_cast<int32_t>(filled);
            }
            for (size_t i = 0; batch.history && i < count; ++i) {
                batch.history[token + i] = static_cast<int64_t>(window.entry->history);
                batch.offset[token + i] =
                    static_cast<int64_t>(window.row - window.entry->history_row + i);
            }
            filled += count;
        }
    }
}

}  // namespace adfast
