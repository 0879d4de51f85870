// What sampling reads: lanes of rows, one column of memory per lane and field, and their histories.
//
// A ring buffer's lanes are circular and keep moving; a store's lanes are its shards, mapped whole.
// Row r of a lane lies at r % capacity. `reserved` is ahead of `committed` while rows are written:
// rows in [reserved - capacity, committed) are whole, and a copy of them is too if that still holds
// after the copy.
//
// One field may continue another: its item of row r is that of the other field in row r + 1, so it
// has no column of its own, and only the rows where that does not hold keep their item.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "history_table.hpp"
#include "row_index.hpp"

namespace adfast {

constexpr size_t kLineBytes = 64;  // of a cache line

// A field whose item is that which field `followed` has one row later.
struct Continued {
    size_t field, followed;
};

class Lanes {
  public:
    // Lanes of equal capacity, one after the other in each column: lane i of field f begins
    // i * capacity items after `columns[f]`. Numbers of rows, episodes and histories begin at
    // `first_number`.
    Lanes(size_t num_lanes, uint64_t capacity, std::vector<size_t> item_bytes,
          std::vector<std::byte*> columns, uint64_t first_number)
        : Lanes(num_lanes, std::move(item_bytes), 64, first_number) {
        std::fill_n(capacity_.get(), num_lanes, capacity);
        for (size_t lane = 0; lane < num_lanes; ++lane) {
            reserved_[lane] = committed_[lane] = first_number;
            episodes_[lane].begin_at(first_number);
        }
        columns_ = std::move(columns);
        for (size_t field = 0; field < num_fields(); ++field) {
            lane_bytes_[field] = capacity * item_bytes_[field];
        }
    }

    // Full lanes of any capacity, `columns[lane * num_fields + field]`, which never change.
    Lanes(const std::vector<uint64_t>& capacities, std::vector<size_t> item_bytes,
          std::vector<std::byte*> columns, size_t num_histories)
        : Lanes(capacities.size(), std::move(item_bytes), num_histories, 0) {
        columns_ = std::move(columns);
        columns_per_lane_ = num_fields();
        for (size_t lane = 0; lane < num_lanes_; ++lane) {
            capacity_[lane] = reserved_[lane] = committed_[lane] = capacities[lane];
        }
    }

    size_t num_lanes() const { return num_lanes_; }
    size_t num_fields() const { return item_bytes_.size(); }
    size_t item_bytes(size_t field) const { return item_bytes_[field]; }
    uint64_t capacity(size_t lane) const { return capacity_[lane]; }
    std::atomic<uint64_t>& reserved(size_t lane) const { return reserved_[lane]; }
    std::atomic<uint64_t>& committed(size_t lane) const { return committed_[lane]; }
    RowIndex& episodes(size_t lane) const { return episodes_[lane]; }

    // Let a field continue another in every lane that keeps items, which are numbered from
    // `first_number` on; before any is there.
    void let_continue(const Continued& continued, uint64_t first_number = 0) {
        continued_ = continued;
        kept_.reset(new RowIndex[num_lanes_]);
        for (size_t lane = 0; lane < num_lanes_; ++lane) {
            kept_[lane].carry(item_bytes_[continued.field]);
            kept_[lane].begin_at(first_number);
        }
    }
    const std::optional<Continued>& continued() const { return continued_; }
    // The rows of a lane that keep their item of the continued field; where none do, the field has
    // a column there.
    RowIndex& kept(size_t lane) const { return kept_[lane]; }
    bool is_continued(size_t lane, size_t field) const {
        return continued_ && continued_->field == field && kept_[lane].has_rows();
    }

    // The rows of one field of a lane, from slot 0 on.
    std::byte* column(size_t lane, size_t field) const {
        return columns_[lane * columns_per_lane_ + field] + lane * lane_bytes_[field];
    }

    uint64_t slot(size_t lane, uint64_t row) const {
        const uint64_t capacity = capacity_[lane];
        return row < capacity ? row : row % capacity;
    }

    // Begin to load what sampling needs to know of a lane.
    void prefetch(size_t lane) const {
        __builtin_prefetch(&reserved_[lane]);
        __builtin_prefetch(&capacity_[lane]);
    }

    // The oldest row that nothing newer has been reserved over.
    uint64_t first_held(size_t lane) const {
        const uint64_t rows = reserved_[lane].load(std::memory_order_relaxed);
        return rows > capacity_[lane] ? rows - capacity_[lane] : 0;
    }

    // Counts publications, so that whoever derived something from the lanes knows when it is stale.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }
    void publish() { version_.fetch_add(1, std::memory_order_release); }

    HistoryTable table;

  private:
    Lanes(size_t num_lanes, std::vector<size_t> item_bytes, size_t num_histories,
          uint64_t first_history)
        : table(num_lanes, num_histories, first_history),
          num_lanes_(num_lanes),
          item_bytes_(std::move(item_bytes)),
          lane_bytes_(item_bytes_.size(), 0),
          capacity_(new uint64_t[num_lanes]()),
          reserved_(new std::atomic<uint64_t>[num_lanes]()),
          committed_(new std::atomic<uint64_t>[num_lanes]()),
          episodes_(new RowIndex[num_lanes]) {}

    size_t num_lanes_;
    std::vector<size_t> item_bytes_;
    std::vector<std::byte*> columns_;
    size_t columns_per_lane_ = 0;     // 0 where `lane_bytes_` leads from lane to lane
    std::vector<size_t> lane_bytes_;  // of each field, or 0
    // One dense array per property: sampling reads a few of them at random, often out of cache.
    std::unique_ptr<uint64_t[]> capacity_;
    std::unique_ptr<std::atomic<uint64_t>[]> reserved_;
    std::unique_ptr<std::atomic<uint64_t>[]> committed_;
    std::unique_ptr<RowIndex[]> episodes_;
    std::optional<Continued> continued_;
    std::unique_ptr<RowIndex[]> kept_;
    std::atomic<uint64_t> version_{0};
};

}  // namespace adfast
