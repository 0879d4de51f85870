// Copies drawn windows into the rows of a batch.
//
// A window is copied optimistically and checked afterwards: if the writer has reserved over any of
// its rows meanwhile, the copy may be torn and the row is drawn again from its stream.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "draw.hpp"
#include "lanes.hpp"
#include "window_plan.hpp"

namespace adfast {

// Where a batch goes: [batch_size, length, item] per field.
struct Target {
    size_t batch_size;
    size_t length;
    std::vector<size_t> fields;
    std::vector<std::byte*> outputs;
    // Identity of what was sampled, optional: [batch_size] of whole windows, [batch_size, length] of
    // packed rows. The history's number, and the offset of the (first) transition in it.
    size_t num_positions = 0;
    int64_t* history = nullptr;
    int64_t* offset = nullptr;
};

constexpr uint64_t kMaxAttempts = 64;  // torn copies of one row before the plan is given up

// What the hardware cannot foresee: where a window starts, and each further page of it. Prefetching
// all of a window would saturate the core's line fill buffers (measured: slower than none at all).
constexpr size_t kPrefetchedBytes = 4 * kLineBytes;
constexpr size_t kPageBytes = 4096;

inline void prefetch_lines(const std::byte* from) {
    for (size_t at = 0; at < kPrefetchedBytes; at += kLineBytes) __builtin_prefetch(from + at);
}

// Copy `bytes`, whose first lines have been prefetched.
inline void copy_bytes(std::byte* to, const std::byte* from, size_t bytes) {
    const size_t until_page = kPageBytes - reinterpret_cast<uintptr_t>(from) % kPageBytes;
    for (size_t at = until_page; at < bytes; at += kPageBytes) prefetch_lines(from + at);
    std::memcpy(to, from, bytes);
}

// True while no row of the window has been reserved for something newer.
inline bool is_held(const Lane& lane, const WindowPlan::Window& window, uint64_t count) {
    return window.row >= window.entry->first_row && window.row + count <= window.entry->end_row &&
           window.row >= lane.first_held();
}

// Copies windows of one plan to one target.
class Gather {
  public:
    Gather(const Lanes& lanes, const WindowPlan& plan, const Target& target, uint64_t stream)
        : lanes_(lanes), plan_(plan), target_(target), stream_(stream) {}

    // Fill rows [first, last) of the batch with one window each; false if the writer overtook.
    bool windows(size_t first, size_t last) const {
        const size_t num_rows = last - first;
        const size_t num_fields = target_.fields.size();
        std::vector<uint64_t> bits(num_rows);
        std::vector<WindowPlan::Window> drawn(num_rows);
        std::vector<const std::byte*> sources(num_rows * num_fields);
        // One pass per dependent access, so that the misses of all rows overlap.
        for (size_t i = 0; i < num_rows; ++i) {
            bits[i] = splitmix(splitmix(stream_, first + i), 0);
            __builtin_prefetch(plan_.guess(bits[i]));
        }
        for (size_t i = 0; i < num_rows; ++i) {
            drawn[i] = plan_.locate(lanes_, bits[i]);
            __builtin_prefetch(&lanes_.lane(drawn[i].entry->lane));
        }
        for (size_t i = 0; i < num_rows; ++i) find(drawn[i], &sources[i * num_fields]);
        for (size_t i = 0; i < num_rows; ++i) {
            if (i + 1 < num_rows) {
                const auto* next = &sources[(i + 1) * num_fields];
                for (size_t f = 0; f < num_fields; ++f) prefetch_lines(next[f]);
            }
            const size_t token = (first + i) * target_.length;
            const auto* from = &sources[i * num_fields];
            if (!copy(drawn[i], from, token, target_.length) && !redraw(first + i, &drawn[i])) {
                return false;
            }
            if (target_.history) note(drawn[i], first + i, 1);
        }
        return true;
    }

    // Fill rows [first, last) of the batch with documents back to back: a random cut, as long as the
    // row, from an endless concatenation of histories drawn uniformly. The first document is
    // therefore drawn by its candidates (a plan of length 1), the others from their first candidate
    // on. `document_start` [batch_size, length] receives the index in the row at which each token's
    // document starts. False if the writer overtook.
    bool packed(int32_t* document_start, size_t first, size_t last) const {
        const auto& entries = plan_.entries();
        std::vector<const std::byte*> sources(target_.fields.size());
        for (size_t row = first; row < last; ++row) {
            const uint64_t stream = splitmix(stream_, row);
            uint64_t num_torn = 0;
            size_t filled = 0;
            for (uint64_t number = 0; filled < target_.length; ++number) {
                const uint64_t bits = splitmix(stream, number);
                const auto window =
                    filled == 0
                        ? plan_.locate(lanes_, bits)
                        : plan_.window(lanes_, entries[scale(bits, entries.size())], 0);
                const size_t token = row * target_.length + filled;
                const size_t count = std::min<uint64_t>(target_.length - filled,
                                                        window.entry->end_row - window.row);
                find(window, sources.data());
                if (!copy(window, sources.data(), token, count)) {
                    if (++num_torn == kMaxAttempts) return false;
                    continue;
                }
                std::fill_n(document_start + token, count, static_cast<int32_t>(filled));
                if (target_.history) note(window, token, count);
                filled += count;
            }
        }
        return true;
    }

  private:
    // The address of the window's first row, per field of the target.
    void find(const WindowPlan::Window& window, const std::byte** sources) const {
        const Lane& lane = lanes_.lane(window.entry->lane);
        const uint64_t slot = lane.slot(window.row);
        for (size_t f = 0; f < target_.fields.size(); ++f) {
            const size_t field = target_.fields[f];
            sources[f] = lane.column(field) + slot * lanes_.item_bytes(field);
        }
    }

    // Copy `count` rows to `token` of the batch, at most two memcpys per field; false if the copy may
    // be torn.
    bool copy(const WindowPlan::Window& window, const std::byte* const* sources, size_t token,
              size_t count) const {
        const Lane& lane = lanes_.lane(window.entry->lane);
        if (!is_held(lane, window, count)) return false;
        const size_t until_end = std::min<uint64_t>(count, lane.capacity - lane.slot(window.row));
        for (size_t f = 0; f < target_.fields.size(); ++f) {
            const size_t field = target_.fields[f];
            const size_t item = lanes_.item_bytes(field);
            std::byte* to = target_.outputs[f] + token * item;
            copy_bytes(to, sources[f], until_end * item);
            if (until_end < count) {
                copy_bytes(to + until_end * item, lane.column(field), (count - until_end) * item);
            }
        }
        std::atomic_thread_fence(std::memory_order_acquire);
        return is_held(lane, window, count);
    }

    // Draw and copy a row again until a copy is whole.
    bool redraw(size_t row, WindowPlan::Window* window) const {
        std::vector<const std::byte*> sources(target_.fields.size());
        for (uint64_t attempt = 1; attempt < kMaxAttempts; ++attempt) {
            *window = plan_.locate(lanes_, splitmix(splitmix(stream_, row), attempt));
            find(*window, sources.data());
            if (copy(*window, sources.data(), row * target_.length, target_.length)) return true;
        }
        return false;
    }

    // Record the identity of `count` transitions at `at` of the position arrays.
    void note(const WindowPlan::Window& window, size_t at, size_t count) const {
        const auto history = static_cast<int64_t>(window.entry->history);
        std::fill_n(target_.history + at, count, history);
        const uint64_t offset = window.row - window.entry->history_row;
        for (size_t i = 0; i < count; ++i) target_.offset[at + i] = static_cast<int64_t>(offset + i);
    }

    const Lanes& lanes_;
    const WindowPlan& plan_;
    const Target& target_;
    uint64_t stream_;
};

}  // namespace adfast
