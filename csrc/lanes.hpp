// What sampling reads: lanes of rows, one column of memory per lane and field, and their histories.
//
// A ring buffer's lanes are circular and keep moving; a store's lanes are its shards, mapped whole.
// Row r of a lane lies at r % capacity. `reserved` is ahead of `committed` while rows are written:
// rows in [reserved - capacity, committed) are whole, and a copy of them is too if that still holds
// after the copy.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "episode_index.hpp"
#include "history_table.hpp"

namespace adfast {

constexpr size_t kLineBytes = 64;  // of a cache line

// What copying a window needs of its lane: one cache line for up to six fields.
struct Lane {
    std::atomic<uint64_t> reserved{0};
    uint64_t capacity = 0;

    std::byte** columns() { return reinterpret_cast<std::byte**>(this + 1); }  // one per field
    std::byte* column(size_t field) const {
        return reinterpret_cast<std::byte* const*>(this + 1)[field];
    }
    uint64_t first_held() const {
        const uint64_t rows = reserved.load(std::memory_order_relaxed);
        return rows > capacity ? rows - capacity : 0;
    }
    uint64_t slot(uint64_t row) const { return row < capacity ? row : row % capacity; }
};

// The rest of a lane, which planning and the writer need.
struct LaneIndex {
    std::atomic<uint64_t> committed{0};
    EpisodeIndex episodes;
};

class Lanes {
  public:
    Lanes(size_t num_lanes, std::vector<size_t> item_bytes, size_t num_histories = 64)
        : table(num_lanes, num_histories),
          item_bytes_(std::move(item_bytes)),
          num_lanes_(num_lanes),
          lines_per_lane_((sizeof(Lane) + num_fields() * sizeof(std::byte*) + kLineBytes - 1) /
                          kLineBytes),
          lines_(new Line[num_lanes * lines_per_lane_]),
          index_(new LaneIndex[num_lanes]) {
        for (size_t i = 0; i < num_lanes; ++i) new (&lines_[i * lines_per_lane_]) Lane();
    }

    size_t num_lanes() const { return num_lanes_; }
    size_t num_fields() const { return item_bytes_.size(); }
    size_t item_bytes(size_t field) const { return item_bytes_[field]; }
    Lane& lane(size_t i) const {
        return *std::launder(reinterpret_cast<Lane*>(&lines_[i * lines_per_lane_]));
    }
    std::atomic<uint64_t>& committed(size_t i) const { return index_[i].committed; }
    EpisodeIndex& episodes(size_t i) const { return index_[i].episodes; }

    // Counts publications, so that whoever derived something from the lanes knows when it is stale.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }
    void publish() { version_.fetch_add(1, std::memory_order_release); }

    HistoryTable table;

  private:
    struct alignas(kLineBytes) Line {
        std::byte bytes[kLineBytes];
    };

    std::vector<size_t> item_bytes_;
    size_t num_lanes_;
    size_t lines_per_lane_;
    std::unique_ptr<Line[]> lines_;
    std::unique_ptr<LaneIndex[]> index_;
    std::atomic<uint64_t> version_{0};
};

}  // namespace adfast
