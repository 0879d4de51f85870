// Which rows of which lane form a history, in the order in which the histories began.
//
// One writer appends; readers walk the table at any time without a lock and are never waited for.
// A page is append-only: what a reader sees of it can only become more. When a page is full, the
// histories that are still held move to another page, and the old one is reused once no reader is
// on it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace adfast {

constexpr uint64_t kOpen = UINT64_MAX;  // the end of a history that still grows

// Rows [first_row, end_row) of `lane`. Rows of a lane are numbered from 0 and never wrap.
struct History {
    uint64_t number = 0;  // position in the order of all histories ever begun
    uint64_t lane = 0;
    uint64_t first_row = 0;
    std::atomic<uint64_t> end_row{kOpen};
};

class HistoryTable {
    struct Page {
        explicit Page(size_t capacity) : rows(new History[capacity]), capacity(capacity) {}
        std::unique_ptr<History[]> rows;
        size_t capacity;
        std::atomic<size_t> size{0};
        std::atomic<int> readers{0};
    };

  public:
    // Room for `capacity` histories at first, numbered from `first_number` on.
    HistoryTable(size_t num_lanes, size_t capacity, uint64_t first_number)
        : open_(num_lanes, kOpen), num_begun_(first_number) {
        pages_.push_back(std::make_unique<Page>(capacity));
        current_.store(pages_.back().get());
    }

    // A page held for reading.
    class Reader {
      public:
        explicit Reader(const HistoryTable& table) : table_(table) {
            do {
                release();
                page_ = table.current_.load();
                page_->readers.fetch_add(1);
            } while (table.current_.load() != page_);
            size_ = page_->size.load(std::memory_order_acquire);
        }
        ~Reader() { release(); }
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;

        const History* begin() const { return page_->rows.get(); }
        const History* end() const { return begin() + size_; }
        // False when the writer moved on to another page, whose histories may have ended since.
        bool is_current() const {
            std::atomic_thread_fence(std::memory_order_acquire);
            return table_.current_.load() == page_;
        }

      private:
        void release() {
            if (page_) page_->readers.fetch_sub(1);
        }
        const HistoryTable& table_;
        Page* page_ = nullptr;
        size_t size_ = 0;
    };

    uint64_t num_begun() const { return num_begun_.load(std::memory_order_relaxed); }
    bool has_open(size_t lane) const { return open_[lane] != kOpen; }

    // Writer: end the history that is open in `lane` before `row`, and begin the next one there.
    // `first_held(lane)` is the oldest row that the lane still holds.
    template <typename FirstHeld>
    void begin_history(size_t lane, uint64_t row, const FirstHeld& first_held) {
        Page* page = current_.load(std::memory_order_relaxed);
        if (has_open(lane)) end_history(lane, row);
        if (page->size.load(std::memory_order_relaxed) == page->capacity) page = move(first_held);
        const size_t slot = page->size.load(std::memory_order_relaxed);
        History& history = page->rows[slot];
        history.number = num_begun_.load(std::memory_order_relaxed);
        history.lane = lane;
        history.first_row = row;
        history.end_row.store(kOpen, std::memory_order_relaxed);
        open_[lane] = slot;
        num_begun_.fetch_add(1, std::memory_order_relaxed);
        page->size.store(slot + 1, std::memory_order_release);
    }

    // Writer: end the open history of `lane` before `row`.
    void end_history(size_t lane, uint64_t row) {
        Page* page = current_.load(std::memory_order_relaxed);
        page->rows[open_[lane]].end_row.store(row, std::memory_order_release);
        open_[lane] = kOpen;
    }

  private:
    // Move the histories that still have a row to a page with room for as many again.
    template <typename FirstHeld>
    Page* move(const FirstHeld& first_held) {
        const Page& full = *current_.load(std::memory_order_relaxed);
        const auto is_held = [&](const History& history) {
            return history.end_row.load(std::memory_order_relaxed) > first_held(history.lane);
        };
        size_t num_held = 0;
        for (size_t i = 0; i < full.capacity; ++i) num_held += is_held(full.rows[i]);
        Page& page = free_page(full, 2 * num_held + 64);
        size_t slot = 0;
        for (size_t i = 0; i < full.capacity; ++i) {
            const History& history = full.rows[i];
            if (!is_held(history)) continue;
            const uint64_t end_row = history.end_row.load(std::memory_order_relaxed);
            page.rows[slot].number = history.number;
            page.rows[slot].lane = history.lane;
            page.rows[slot].first_row = history.first_row;
            page.rows[slot].end_row.store(end_row, std::memory_order_relaxed);
            if (end_row == kOpen) open_[history.lane] = slot;
            ++slot;
        }
        page.size.store(slot, std::memory_order_relaxed);
        current_.store(&page);
        return &page;
    }

    Page& free_page(const Page& full, size_t capacity) {
        for (auto& page : pages_) {
            if (page.get() != &full && page->capacity >= capacity && page->readers.load() == 0) {
                return *page;
            }
        }
        pages_.push_back(std::make_unique<Page>(capacity));
        return *pages_.back();
    }

    std::atomic<Page*> current_;
    std::vector<std::unique_ptr<Page>> pages_;
    std::vector<size_t> open_;  // slot of each lane's open history, kOpen if it has none
    std::atomic<uint64_t> num_begun_;
};

}  // namespace adfast
