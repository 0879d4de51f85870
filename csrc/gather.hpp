// Copies drawn windows into the rows of a batch.
//
// A window is copied optimistically and checked afterwards: if the writer has reserved over any of
// its rows meanwhile, the copy may be torn and the row is drawn again from its stream.
#pragma once

#include <algorithm>
#include <vector>

#include "draw.hpp"
#include "lanes.hpp"
#include "shared_bytes.hpp"
#include "window_plan.hpp"

namespace adfast {

// Where a batch goes: [batch_size, length, item] per field.
struct Target {
    size_t batch_size;
    size_t length;
    std::vector<size_t> fields;
    std::vector<std::byte*> outputs;
    // Identity of what was sampled, optional: [batch_size] of whole windows, [batch_size, length]
    // of packed rows. The history's number, and the offset of the (first) transition in it.
    size_t num_positions = 0;
    int64_t* history = nullptr;
    int64_t* offset = nullptr;
};

constexpr uint64_t kMaxAttempts = 64;  // torn copies of one row before the plan is given up

// Memory to be copied in order, each piece prefetched well before its turn. Random windows are
// bound by the latency of memory; the prefetches go to the second-level cache, which can wait for
// three times as many lines as the first.
class CopyQueue {
  public:
    void reserve(size_t num_pieces) { pieces_.reserve(num_pieces); }
    size_t size() const { return pieces_.size(); }

    void add(std::byte* to, const std::byte* from, size_t bytes) {
        for (; bytes > kPieceBytes; bytes -= kPieceBytes) {
            pieces_.push_back({to, from, kPieceBytes});
            to += kPieceBytes;
            from += kPieceBytes;
        }
        pieces_.push_back({to, from, bytes});
    }

    // Copy the pieces before the `end`-th that have not been copied yet.
    void copy_until(size_t end) {
        for (; num_copied_ < end; ++num_copied_) {
            while (num_prefetched_ < pieces_.size() && prefetched_bytes_ < kBytesAhead) {
                look_up(num_prefetched_ + kPiecesAhead);
                prefetch(pieces_[num_prefetched_++]);
            }
            const Piece& piece = pieces_[num_copied_];
            load_shared(piece.to, piece.from, piece.bytes, copy_);
            prefetched_bytes_ -= piece.bytes;
        }
    }

  private:
    struct Piece {
        std::byte* to;
        const std::byte* from;
        size_t bytes;
    };

    static constexpr size_t kPieceBytes = 4096;       // longer pieces and less or more ahead
    static constexpr size_t kBytesAhead = 24 * 1024;  // measure slower
    static constexpr size_t kPiecesAhead = 64;
    static constexpr int kSecondLevel = 2;

    // Prefetch the first line of the pieces before the `end`-th, whose place in memory the
    // processor has to look up: its tables of pages may be in no cache themselves.
    void look_up(size_t end) {
        for (; num_looked_up_ < std::min(end, pieces_.size()); ++num_looked_up_) {
            __builtin_prefetch(pieces_[num_looked_up_].from, 0, kSecondLevel);
            asm volatile("");  // GCC removes a loop that does nothing but prefetch
        }
    }

    void prefetch(const Piece& piece) {
        const std::byte* line = piece.from - reinterpret_cast<uintptr_t>(piece.from) % kLineBytes;
        for (; line < piece.from + piece.bytes; line += kLineBytes) {
            __builtin_prefetch(line, 0, kSecondLevel);
            asm volatile("");
        }
        prefetched_bytes_ += piece.bytes;
    }

    const CopyBytes copy_ = fastest_copy();
    std::vector<Piece> pieces_;
    size_t num_copied_ = 0, num_prefetched_ = 0, num_looked_up_ = 0;
    size_t prefetched_bytes_ = 0;  // prefetched and not yet copied
};

// Copies windows of one plan to one target.
class Gather {
  public:
    // Row 0 of the target is row `first_row` of the batch whose stream is `stream`.
    Gather(const Lanes& lanes, const WindowPlan& plan, const Target& target, uint64_t stream,
           uint64_t first_row = 0)
        : lanes_(lanes), plan_(plan), target_(target), stream_(stream), first_row_(first_row) {}

    // Fill rows [first, last) of the batch with one window each; false if the writer overtook.
    bool windows(size_t first, size_t last) const {
        const size_t num_rows = last - first;
        std::vector<uint64_t> bits(num_rows);
        std::vector<WindowPlan::Window> drawn(num_rows);
        std::vector<size_t> ends(num_rows);
        CopyQueue queue;
        queue.reserve(2 * num_rows * target_.fields.size());
        // One pass per dependent access, so that the misses of all rows overlap.
        for (size_t i = 0; i < num_rows; ++i) {
            bits[i] = splitmix(row_stream(first + i), 0);
            __builtin_prefetch(plan_.guess(bits[i]));
        }
        for (size_t i = 0; i < num_rows; ++i) {
            drawn[i] = plan_.locate(lanes_, bits[i]);
            lanes_.prefetch(drawn[i].entry->lane);
        }
        for (size_t i = 0; i < num_rows; ++i) {
            enqueue(drawn[i], (first + i) * target_.length, target_.length, queue);
            ends[i] = queue.size();
        }
        for (size_t i = 0; i < num_rows; ++i) {
            queue.copy_until(ends[i]);
            if (!is_whole(drawn[i], target_.length) && !redraw(first + i, drawn[i])) return false;
            if (target_.history) note(drawn[i], first + i, 1);
        }
        return true;
    }

    // Fill rows [first, last) of the batch with documents back to back: a random cut, as long as
    // the row, from an endless concatenation of histories drawn uniformly. The first document is
    // therefore drawn by its candidates (a plan of length 1), the others from their first candidate
    // on. `document_start` [batch_size, length] receives the index in the row at which each token's
    // document starts. False if the writer overtook.
    bool packed(int32_t* document_start, size_t first, size_t last) const {
        for (size_t row = first; row < last; ++row) {
            const uint64_t stream = row_stream(row);
            uint64_t num_torn = 0;
            size_t filled = 0;
            for (uint64_t number = 0; filled < target_.length; ++number) {
                const uint64_t bits = splitmix(stream, number);
                const auto window =
                    filled == 0 ? plan_.locate(lanes_, bits) : plan_.locate_history(lanes_, bits);
                const size_t token = row * target_.length + filled;
                const size_t count = std::min<uint64_t>(target_.length - filled,
                                                        plan_.rows(window).end - window.row);
                if (!plan_.contains(window, 1) || !copy(window, token, count)) {
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
    // Add `count` rows of a window to the queue, to go to `token` of the batch.
    void enqueue(const WindowPlan::Window& window, size_t token, size_t count,
                 CopyQueue& queue) const {
        const size_t lane = window.entry->lane;
        for (size_t i = 0; i < target_.fields.size(); ++i) {
            const size_t field = target_.fields[i];
            std::byte* to = target_.outputs[i] + token * lanes_.item_bytes(field);
            if (lanes_.is_continued(lane, field)) {
                enqueue_continued(lane, field, window.row, count, to, queue);
            } else {
                enqueue_rows(lane, field, window.row, count, to, queue);
            }
        }
    }

    // At most two runs of memory, because a lane is circular.
    void enqueue_rows(size_t lane, size_t field, uint64_t row, size_t count, std::byte* to,
                      CopyQueue& queue) const {
        const uint64_t slot = lanes_.slot(lane, row);
        const size_t until_end = std::min<uint64_t>(count, lanes_.capacity(lane) - slot);
        const size_t item = lanes_.item_bytes(field);
        const std::byte* column = lanes_.column(lane, field);
        queue.add(to, column + slot * item, until_end * item);
        if (until_end < count) queue.add(to + until_end * item, column, (count - until_end) * item);
    }

    // A run from each row that keeps its item to the next: what the rows after them show.
    void enqueue_continued(size_t lane, size_t field, uint64_t row, size_t count, std::byte* to,
                           CopyQueue& queue) const {
        const RowIndex& kept = lanes_.kept(lane);
        const size_t item = lanes_.item_bytes(field);
        const uint64_t end = row + count;
        for (uint64_t number = kept.lower_bound(row); row < end; ++number) {
            // Of rows that the writer overtook any number may come back; the window is torn then.
            const uint64_t last = number < kept.count() ? std::max(kept[number], row) : end;
            const uint64_t until = std::min(last, end);
            enqueue_rows(lane, lanes_.continued()->followed, row + 1, until - row, to, queue);
            to += (until - row) * item;
            if (until < end) {
                queue.add(to, kept.item(number), item);
                to += item;
            }
            row = until + 1;
        }
    }

    // True if `count` rows of a window that has been copied were those of its history throughout.
    bool is_whole(const WindowPlan::Window& window, uint64_t count) const {
#ifdef ADFAST_SKIP_VALIDATION
        return true;  // built by a test, to prove that torn windows are noticed
#endif
        std::atomic_thread_fence(std::memory_order_acquire);
        return window.row >= lanes_.first_held(window.entry->lane) && plan_.contains(window, count);
    }

    // Copy `count` rows of one window; false if the copy may be torn.
    bool copy(const WindowPlan::Window& window, size_t token, size_t count) const {
        CopyQueue queue;
        enqueue(window, token, count, queue);
        queue.copy_until(queue.size());
        return is_whole(window, count);
    }

    // Draw and copy a row again until a copy is whole.
    bool redraw(size_t row, WindowPlan::Window& window) const {
        for (uint64_t attempt = 1; attempt < kMaxAttempts; ++attempt) {
            window = plan_.locate(lanes_, splitmix(row_stream(row), attempt));
            if (copy(window, row * target_.length, target_.length)) return true;
        }
        return false;
    }

    // What a row of the target draws from.
    uint64_t row_stream(size_t row) const { return splitmix(stream_, first_row_ + row); }

    // Record the identity of `count` transitions at `at` of the position arrays.
    void note(const WindowPlan::Window& window, size_t at, size_t count) const {
        const auto history = static_cast<int64_t>(window.entry->history);
        std::fill_n(target_.history + at, count, history);
        const uint64_t offset = window.row - plan_.rows(window).origin;
        for (size_t i = 0; i < count; ++i)
            target_.offset[at + i] = static_cast<int64_t>(offset + i);
    }

    const Lanes& lanes_;
    const WindowPlan& plan_;
    const Target& target_;
    uint64_t stream_, first_row_;
};

}  // namespace adfast
