// Rows whose every item says where it belongs, so that any mixing of lanes, rows or fields is seen.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "draw.hpp"
#include "ring_buffer.hpp"

namespace adfast {

// A row's place: row `row` of `lane`, the one at `offset` of `history`.
struct Mark {
    uint64_t lane, row, history, offset;
};

// The mark in plain, the step in its episode, and four fields of bytes that follow from the mark
// and the field's number, of sizes that the gather and the writer treat differently. The last field
// continues the one before within an episode.
constexpr std::array<size_t, 7> kItemBytes{sizeof(Mark), 2, 1, 4, 8, 24, 24};
constexpr Continued kContinued{6, 5};
constexpr size_t kMarkField = 0, kEpisodeField = 1;
constexpr uint64_t kEpisodeLength = 9;

// Write the item of one field of a marked row.
inline void mark_item(const Mark& mark, size_t field, std::byte* item) {
    if (field == kMarkField) {
        std::memcpy(item, &mark, sizeof mark);
        return;
    }
    if (field == kEpisodeField) {
        const auto step = static_cast<uint16_t>(mark.offset % kEpisodeLength);
        std::memcpy(item, &step, sizeof step);
        return;
    }
    const bool ends = (mark.offset + 1) % kEpisodeLength == 0;
    if (field == kContinued.field && !ends) {
        const Mark next{mark.lane, mark.row + 1, mark.history, mark.offset + 1};
        return mark_item(next, kContinued.followed, item);
    }
    const uint64_t stream = splitmix(splitmix(splitmix(field, mark.lane), mark.history), mark.row);
    for (size_t at = 0; at < kItemBytes[field]; at += sizeof(uint64_t)) {
        const uint64_t word = splitmix(stream, at);
        std::memcpy(item + at, &word, std::min(sizeof word, kItemBytes[field] - at));
    }
}

// Torn: not consecutive rows of one history. Misnamed: such rows, but others than was said.
enum class Fault { kNone, kTorn, kMisnamed };

// A batch of [num_tokens] items per field, with the identity of each token or window.
struct MarkedBatch {
    explicit MarkedBatch(size_t num_tokens)
        : history(num_tokens), offset(num_tokens), document_start(num_tokens) {
        for (const size_t bytes : kItemBytes) fields.emplace_back(num_tokens * bytes);
    }

    std::vector<std::byte*> outputs() {
        std::vector<std::byte*> pointers;
        for (auto& field : fields) pointers.push_back(field.data());
        return pointers;
    }

    // What is wrong with tokens [first, first + count), which should be consecutive rows of history
    // `number` from offset `from` on.
    Fault fault(size_t first, size_t count, int64_t number, int64_t from) const {
        Mark mark{};
        std::memcpy(&mark, fields[kMarkField].data() + first * sizeof mark, sizeof mark);
        const bool is_misnamed = static_cast<int64_t>(mark.history) != number ||
                                 static_cast<int64_t>(mark.offset) != from;
        std::array<std::byte, 32> expected;
        for (size_t token = first; token < first + count; ++token, ++mark.row, ++mark.offset) {
            for (size_t field = 0; field < kItemBytes.size(); ++field) {
                mark_item(mark, field, expected.data());
                const size_t bytes = kItemBytes[field];
                if (std::memcmp(&fields[field][token * bytes], expected.data(), bytes) != 0) {
                    return Fault::kTorn;
                }
            }
        }
        return is_misnamed ? Fault::kMisnamed : Fault::kNone;
    }

    std::vector<std::vector<std::byte>> fields;
    std::vector<int64_t> history, offset;
    std::vector<int32_t> document_start;
};

// The one writer of a ring of marked rows.
class MarkedWriter {
  public:
    MarkedWriter(RingBuffer& ring, uint64_t first_number, uint64_t seed)
        : ring_(ring),
          next_(ring.lanes().num_lanes()),
          has_open_(ring.lanes().num_lanes()),
          num_histories_(first_number),
          seed_(seed) {
        for (size_t lane = 0; lane < next_.size(); ++lane) next_[lane] = {lane, first_number, 0, 0};
    }

    uint64_t num_rows() const { return num_rows_; }

    // Append something: a block to some lanes, a few single rows to all, or flush those.
    void write() {
        const uint64_t choice = draw(8);
        if (choice == 0) ring_.flush();
        else if (choice < 3) append_rows(1 + draw(100));
        else append_block(1 + draw(ring_.lanes().capacity(0) / 4));
    }

    // Append up to `max_length` rows to each of some lanes.
    void append_block(size_t max_length) {
        std::vector<size_t> lanes;
        for (size_t lane = 0; lane < next_.size(); ++lane) {
            if (draw(3) > 0) lanes.push_back(lane);
        }
        std::vector<uint64_t> lengths(lanes.size());
        std::vector<uint8_t> starts(lanes.size());
        resize(lanes.size() * max_length);
        for (size_t i = 0; i < lanes.size(); ++i) {
            lengths[i] = 1 + draw(max_length);
            starts[i] = draw(4) == 0;
            begin_history(lanes[i], starts[i]);
            for (size_t t = 0; t < lengths[i]; ++t) mark_row(lanes[i], i * max_length + t);
        }
        ring_.append_block(lanes, pointers(), max_length, lengths.data(), starts.data());
    }

  private:
    void append_rows(size_t count) {
        std::vector<uint8_t> starts(next_.size());
        resize(next_.size());
        for (size_t row = 0; row < count; ++row) {
            for (size_t lane = 0; lane < next_.size(); ++lane) {
                starts[lane] = draw(40) == 0;
                begin_history(lane, starts[lane]);
                mark_row(lane, lane);
            }
            ring_.append(pointers(), starts.data());
        }
    }

    void begin_history(size_t lane, bool starts) {
        if (!starts && has_open_[lane]) return;
        has_open_[lane] = true;
        next_[lane].history = num_histories_++;
        next_[lane].offset = 0;
    }

    // Put the lane's next row at `index` of the rows to be appended.
    void mark_row(size_t lane, size_t index) {
        for (size_t field = 0; field < kItemBytes.size(); ++field) {
            mark_item(next_[lane], field, rows_[field].data() + index * kItemBytes[field]);
        }
        ++next_[lane].row;
        ++next_[lane].offset;
        ++num_rows_;
    }

    void resize(size_t num_rows) {
        rows_.resize(kItemBytes.size());
        for (size_t field = 0; field < kItemBytes.size(); ++field) {
            rows_[field].resize(num_rows * kItemBytes[field]);
        }
    }

    std::vector<const std::byte*> pointers() const {
        std::vector<const std::byte*> pointers;
        for (const auto& column : rows_) pointers.push_back(column.data());
        return pointers;
    }

    uint64_t draw(uint64_t bound) { return scale(splitmix(seed_, num_draws_++), bound); }

    RingBuffer& ring_;
    std::vector<Mark> next_;      // of each lane
    std::vector<bool> has_open_;  // history, by lane
    uint64_t num_histories_, seed_;
    uint64_t num_draws_ = 0, num_rows_ = 0;
    std::vector<std::vector<std::byte>> rows_;
};

}  // namespace adfast
