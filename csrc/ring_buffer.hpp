// Lanes of bounded capacity that one writer keeps filling and any number of threads sample.
//
// Layout: one circular array per field, [lane][capacity][item], so a window is contiguous. Rows of
// all lanes at once come transposed; they are staged and written in tiles.
#pragma once

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "huge_memory.hpp"
#include "lanes.hpp"
#include "shared_bytes.hpp"

namespace adfast {

class RingBuffer {
  public:
    // `episode_field` is the index of the field that is 0 where an episode starts, an unsigned
    // integer of its item's size, or -1 if there is none. Rows, episodes and histories are numbered
    // from `first_number` on: tests begin where 32 bits end. Of a `continued` field, rows keep what
    // the row after does not show, or does not show yet when they are written.
    RingBuffer(size_t num_lanes, uint64_t capacity, std::vector<size_t> item_bytes,
               int episode_field, uint64_t first_number = 0,
               const std::optional<Continued>& continued = {})
        : columns_(num_lanes * capacity, column_bytes(item_bytes, continued)),
          lanes_(num_lanes, capacity, item_bytes, columns_.addresses(), first_number),
          capacity_(capacity),
          tile_rows_(std::min<uint64_t>(kTileRows, capacity)),
          episode_field_(episode_field),
          stage_starts_(tile_rows_ * num_lanes) {
        for (const size_t bytes : item_bytes) stage_.emplace_back(tile_rows_ * num_lanes * bytes);
        if (continued) lanes_.let_continue(*continued, first_number);
    }

    const Lanes& lanes() const { return lanes_; }
    size_t num_staged() const { return num_staged_.load(std::memory_order_relaxed); }

    // Stage one row of every lane: `rows[field]` is [lane][item], `starts[lane]` is nonzero where
    // the row begins a history (null: nowhere).
    void append(const std::vector<const std::byte*>& rows, const uint8_t* starts) {
        const Writing writing(*this);
        const size_t staged = num_staged();
        for (size_t field = 0; field < rows.size(); ++field) {
            const size_t bytes = lanes_.num_lanes() * lanes_.item_bytes(field);
            std::memcpy(stage_[field].data() + staged * bytes, rows[field], bytes);
        }
        uint8_t* target = stage_starts_.data() + staged * lanes_.num_lanes();
        if (starts) std::memcpy(target, starts, lanes_.num_lanes());
        else std::memset(target, 0, lanes_.num_lanes());
        num_staged_.store(staged + 1, std::memory_order_relaxed);
        if (staged + 1 == tile_rows_) write_staged();
    }

    // Make the staged rows visible to readers.
    void flush() {
        const Writing writing(*this);
        write_staged();
    }

    // Append lengths[i] rows to lane targets[i], for every i: `columns[field]` is
    // [target][max_length][item]; starts[i] is nonzero where the first of them begins a history.
    void append_block(const std::vector<size_t>& targets,
                      const std::vector<const std::byte*>& columns, size_t max_length,
                      const uint64_t* lengths, const uint8_t* starts) {
        const Writing writing(*this);
        write_staged();
        for (size_t i = 0; i < targets.size(); ++i) {
            const size_t lane = targets[i];
            const uint64_t row = committed_rows(lane);
            // Announced before the first byte of them is written.
            lanes_.reserved(lane).store(row + lengths[i], std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_release);
            for (size_t field = 0; field < columns.size(); ++field) {
                const size_t item = lanes_.item_bytes(field);
                const size_t first = i * max_length * item;
                if (is_continued(field)) {
                    const std::byte* followed = columns[lanes_.continued()->followed];
                    keep(lane, row, lengths[i], columns[field] + first, followed + first, item);
                } else {
                    write(lane, field, row, lengths[i], columns[field] + first);
                }
            }
            if (starts[i] || !lanes_.table.has_open(lane)) begin_history(lane, row);
            if (episode_field_ >= 0) {
                const size_t item = lanes_.item_bytes(episode_field_);
                index_episodes(lane, row, lengths[i],
                               columns[episode_field_] + i * max_length * item, item);
            }
            lanes_.committed(lane).store(row + lengths[i], std::memory_order_release);
        }
        lanes_.publish();
    }

  private:
    static constexpr size_t kTileRows = 64;
    static constexpr size_t kTileLanes = 64;

    // Refuses a second writer instead of corrupting the lanes.
    class Writing {
      public:
        explicit Writing(RingBuffer& ring) : ring_(ring) {
            if (ring_.is_writing_.exchange(true, std::memory_order_acquire)) {
                throw std::logic_error(
                    "another thread is appending to this ring buffer (or was when this process was "
                    "forked); a ring buffer has one writer at a time");
            }
        }
        ~Writing() { ring_.is_writing_.store(false, std::memory_order_release); }

      private:
        RingBuffer& ring_;
    };

    // Bytes of an item in each column: none where the field has no column of its own.
    static std::vector<size_t> column_bytes(std::vector<size_t> item_bytes,
                                            const std::optional<Continued>& continued) {
        if (continued) item_bytes[continued->field] = 0;
        return item_bytes;
    }

    bool is_continued(size_t field) const {
        return lanes_.continued() && lanes_.continued()->field == field;
    }

    uint64_t committed_rows(size_t lane) const {
        return lanes_.committed(lane).load(std::memory_order_relaxed);
    }

    void begin_history(size_t lane, uint64_t row) {
        lanes_.table.begin_history(lane, row,
                                   [this](size_t other) { return lanes_.first_held(other); });
    }

    void write(size_t lane, size_t field, uint64_t row, size_t count, const std::byte* from) {
        const size_t item = lanes_.item_bytes(field);
        const uint64_t slot = lanes_.slot(lane, row);
        const size_t until_end = std::min<uint64_t>(count, capacity_ - slot);
        std::byte* column = lanes_.column(lane, field);
        store_shared(column + slot * item, from, until_end * item);
        store_shared(column, from + until_end * item, (count - until_end) * item);
    }

    // Keep those of `count` items that the row after does not show in the field `followed`. Items
    // lie `stride` bytes apart, those of both fields.
    void keep(size_t lane, uint64_t row, size_t count, const std::byte* items,
              const std::byte* followed, size_t stride) {
        const uint64_t first_held = lanes_.first_held(lane);
        const size_t bytes = lanes_.item_bytes(lanes_.continued()->field);
        for (size_t i = 0; i < count; ++i) {
            const std::byte* item = items + i * stride;
            if (i + 1 == count || std::memcmp(item, followed + (i + 1) * stride, bytes) != 0) {
                lanes_.kept(lane).push(row + i, first_held, item);
            }
        }
    }

    // Note which of `count` rows start an episode; `steps` are their episode steps.
    void index_episodes(size_t lane, uint64_t row, size_t count, const std::byte* steps,
                        size_t item) {
        const uint64_t first_held = lanes_.first_held(lane);
        static constexpr std::byte kZero[8] = {};
        for (size_t i = 0; i < count; ++i) {
            if (std::memcmp(steps + i * item, kZero, item) == 0) {
                lanes_.episodes(lane).push(row + i, first_held);
            }
        }
    }

    void write_staged() {
        const size_t count = num_staged();
        if (count == 0) return;
        const size_t num_lanes = lanes_.num_lanes();
        for (size_t i = 0; i < num_lanes; ++i) {
            lanes_.reserved(i).store(committed_rows(i) + count, std::memory_order_relaxed);
        }
        std::atomic_thread_fence(std::memory_order_release);
        for (size_t field = 0; field < lanes_.num_fields(); ++field) {
            if (is_continued(field)) {
                keep_staged(field, count);
                continue;
            }
            for (size_t lane = 0; lane < num_lanes; lane += kTileLanes) {
                write_tile(field, lane, std::min(num_lanes, lane + kTileLanes), count);
            }
        }
        for (size_t row = 0; row < count; ++row) note_row(row);
        for (size_t i = 0; i < num_lanes; ++i) {
            lanes_.committed(i).store(committed_rows(i) + count, std::memory_order_release);
        }
        num_staged_.store(0, std::memory_order_relaxed);
        lanes_.publish();
    }

    void keep_staged(size_t field, size_t count) {
        const size_t item = lanes_.item_bytes(field), num_lanes = lanes_.num_lanes();
        const std::byte* items = stage_[field].data();
        const std::byte* followed = stage_[lanes_.continued()->followed].data();
        for (size_t lane = 0; lane < num_lanes; ++lane) {
            const size_t at = lane * item;
            keep(lane, committed_rows(lane), count, items + at, followed + at, num_lanes * item);
        }
    }

    // Transpose `count` staged rows of lanes [first, last) into the lanes.
    void write_tile(size_t field, size_t first, size_t last, size_t count) {
        switch (lanes_.item_bytes(field)) {
            case 1: return write_tile_of<1>(field, first, last, count);
            case 2: return write_tile_of<2>(field, first, last, count);
            case 4: return write_tile_of<4>(field, first, last, count);
            case 8: return write_tile_of<8>(field, first, last, count);
            default: return write_tile_of<0>(field, first, last, count);
        }
    }

    // kItem is the item's size where it is known to the compiler, otherwise 0.
    template <size_t kItem>
    void write_tile_of(size_t field, size_t first, size_t last, size_t count) {
        const size_t item = kItem ? kItem : lanes_.item_bytes(field);
        const size_t stride = lanes_.num_lanes() * item;
        for (size_t index = first; index < last; ++index) {
            const uint64_t slot = lanes_.slot(index, committed_rows(index));
            const std::byte* from = stage_[field].data() + index * item;
            std::byte* column = lanes_.column(index, field);
            const size_t until_end = std::min<uint64_t>(count, capacity_ - slot);
            for (size_t row = 0; row < until_end; ++row) {
                store_shared(column + (slot + row) * item, from + row * stride, item);
            }
            for (size_t row = until_end; row < count; ++row) {
                store_shared(column + (row - until_end) * item, from + row * stride, item);
            }
        }
    }

    // Enter the histories and episodes that begin in one staged row.
    void note_row(size_t row) {
        const size_t num_lanes = lanes_.num_lanes();
        const uint8_t* starts = stage_starts_.data() + row * num_lanes;
        for (size_t i = 0; i < num_lanes; ++i) {
            if (starts[i] || !lanes_.table.has_open(i)) {
                begin_history(i, committed_rows(i) + row);
            }
        }
        if (episode_field_ < 0) return;
        const size_t item = lanes_.item_bytes(episode_field_);
        const std::byte* steps = stage_[episode_field_].data() + row * num_lanes * item;
        for (size_t i = 0; i < num_lanes; ++i) {
            index_episodes(i, committed_rows(i) + row, 1, steps + i * item, item);
        }
    }

    Columns columns_;  // before the lanes, which lie in them
    Lanes lanes_;
    uint64_t capacity_;
    size_t tile_rows_;
    int episode_field_;
    std::vector<std::vector<std::byte>> stage_;  // per field: [tile row][lane][item]
    std::vector<uint8_t> stage_starts_;          // [tile row][lane]
    std::atomic<size_t> num_staged_{0};
    std::atomic<bool> is_writing_{false};
};

}  // namespace adfast
