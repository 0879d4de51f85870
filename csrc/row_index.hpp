// Rows of one lane, numbered from 0 in their order, each perhaps with an item: those at which an
// episode starts, and those whose item of a continued field is kept (lanes.hpp).
//
// One writer pushes; readers look up by number without a lock. A number that has left the index
// yields some other row, which its reader recognises because it lies outside the rows it wanted.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "shared_bytes.hpp"

namespace adfast {

class RowIndex {
    struct View {
        const uint64_t* rows;
        const std::byte* items;
        uint64_t mask;  // number & mask is the slot: the number of slots less one
    };

  public:
    // Every row has an item of so many bytes; before the first of them.
    void carry(size_t item_bytes) { item_bytes_ = item_bytes; }

    // Adopt `count` rows that outlive the index and never change, and their items.
    void borrow(const uint64_t* rows, uint64_t count, const std::byte* items = nullptr) {
        views_.push_back(std::make_unique<View>(View{rows, items, UINT64_MAX}));
        view_.store(views_.back().get(), std::memory_order_release);
        count_.store(count, std::memory_order_release);
    }

    // Number the rows from `number` on; before the first of them.
    void begin_at(uint64_t number) {
        first_.store(number, std::memory_order_relaxed);
        count_.store(number, std::memory_order_release);
    }

    // Writer: append a row and its item; rows below `first_held` need no longer be known.
    void push(uint64_t row, uint64_t first_held, const std::byte* item = nullptr) {
        const uint64_t count = count_.load(std::memory_order_relaxed);
        uint64_t first = first_.load(std::memory_order_relaxed);
        if (count - first == num_slots_) {
            while (first < count && (*this)[first] < first_held) ++first;
            first_.store(first, std::memory_order_relaxed);
            if (count - first == num_slots_) grow(first, count);
        }
        const uint64_t slot = count & (num_slots_ - 1);
        store(slots_.back()[slot], row);
        if (item_bytes_) store_shared(items_.back().get() + slot * item_bytes_, item, item_bytes_);
        count_.store(count + 1, std::memory_order_release);
    }

    bool has_rows() const { return view_.load(std::memory_order_acquire) != nullptr; }
    uint64_t count() const { return count_.load(std::memory_order_acquire); }

    uint64_t operator[](uint64_t number) const {
        const View& view = *view_.load(std::memory_order_acquire);
        return __atomic_load_n(view.rows + (number & view.mask), __ATOMIC_RELAXED);
    }

    const std::byte* item(uint64_t number) const {
        const View& view = *view_.load(std::memory_order_acquire);
        return view.items + (number & view.mask) * item_bytes_;
    }

    // The number of the first known row that is `row` or later.
    uint64_t lower_bound(uint64_t row) const {
        uint64_t last = count();
        uint64_t first = first_.load(std::memory_order_relaxed);
        while (first < last) {
            const uint64_t middle = first + (last - first) / 2;
            if ((*this)[middle] < row) first = middle + 1;
            else last = middle;
        }
        return first;
    }

  private:
    static void store(uint64_t& slot, uint64_t row) {
        __atomic_store_n(&slot, row, __ATOMIC_RELAXED);
    }

    // Old slots stay allocated for the readers on them: together they are no larger than the new.
    void grow(uint64_t first, uint64_t count) {
        const uint64_t num_slots = num_slots_ ? 2 * num_slots_ : 64;
        auto slots = std::make_unique<uint64_t[]>(num_slots);
        std::unique_ptr<std::byte[]> items(new std::byte[num_slots * item_bytes_]);
        for (uint64_t number = first; number < count; ++number) {
            const uint64_t slot = number & (num_slots - 1);
            slots[slot] = (*this)[number];
            if (item_bytes_) std::memcpy(&items[slot * item_bytes_], item(number), item_bytes_);
        }
        views_.push_back(std::make_unique<View>(View{slots.get(), items.get(), num_slots - 1}));
        slots_.push_back(std::move(slots));
        items_.push_back(std::move(items));
        num_slots_ = num_slots;
        view_.store(views_.back().get(), std::memory_order_release);
    }

    std::atomic<const View*> view_{nullptr};
    std::atomic<uint64_t> first_{0}, count_{0};
    uint64_t num_slots_ = 0;
    size_t item_bytes_ = 0;
    std::vector<std::unique_ptr<View>> views_;
    std::vector<std::unique_ptr<uint64_t[]>> slots_;
    std::vector<std::unique_ptr<std::byte[]>> items_;
};

}  // namespace adfast
