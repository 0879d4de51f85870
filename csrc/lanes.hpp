// What sampling reads: lanes of rows, one column of memory per lane and field, and their histories.
//
// A ring buffer's lanes are circular and keep moving; a store's lanes are its shards, mapped whole.
// Row r of a lane lies at r % capacity. `reserved` is ahead of `committed` while rows are written:
// rows in [reserved - capacity, committed) are whole, and a copy of them is too if that still holds
// after the copy.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "episode_index.hpp"
#include "history_table.hpp"

namespace adfast {

struct alignas(64) Lane {
    std::atomic<uint64_t> reserved{0};
    std::atomic<uint64_t> committed{0};
    uint64_t capacity = 0;
    std::byte* const* columns = nullptr;  // one per field
    EpisodeIndex episodes;

    uint64_t first_held() const {
        const uint64_t rows = reserved.load(std::memory_order_relaxed);
        return rows > capacity ? rows - capacity : 0;
    }
};

class Lanes {
  public:
    Lanes(size_t num_lanes, std::vector<size_t> item_bytes, size_t num_histories = 64)
        : table(num_lanes, num_histories),
          item_bytes_(std::move(item_bytes)),
          num_lanes_(num_lanes),
          lanes_(new Lane[num_lanes]),
          columns_(num_lanes * item_bytes_.size()) {
        for (size_t i = 0; i < num_lanes; ++i) lanes_[i].columns = &columns_[i * num_fields()];
    }

    size_t num_lanes() const { return num_lanes_; }
    size_t num_fields() const { return item_bytes_.size(); }
    size_t item_bytes(size_t field) const { return item_bytes_[field]; }
    Lane& lane(size_t index) { return lanes_[index]; }
    const Lane& lane(size_t index) const { return lanes_[index]; }

    void set_column(size_t lane, size_t field, std::byte* data) {
        columns_[lane * num_fields() + field] = data;
    }

    // Counts publications, so that whoever derived something from the lanes knows when it is stale.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }
    void publish() { version_.fetch_add(1, std::memory_order_release); }

    // Copy rows [row, row + count) of one field to `target`: at most two memcpys.
    void copy(const Lane& lane, size_t field, uint64_t row, size_t count, std::byte* target) const {
        const size_t item = item_bytes_[field];
        const uint64_t slot = row % lane.capacity;
        const size_t until_end = std::min<uint64_t>(count, lane.capacity - slot);
        std::memcpy(target, lane.columns[field] + slot * item, until_end * item);
        if (until_end < count) {
            std::memcpy(target + until_end * item, lane.columns[field], (count - until_end) * item);
        }
    }

    HistoryTable table;

  private:
    std::vector<size_t> item_bytes_;
    size_t num_lanes_;
    std::unique_ptr<Lane[]> lanes_;
    std::vector<std::byte*> columns_;
    std::atomic<uint64_t> version_{0};
};

}  // namespace adfast
