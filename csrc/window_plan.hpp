// Where windows of one length may start, and the map from a draw to one of these starts.
//
// The candidates of a history are its rows, or its episode starts, after which a whole window still
// fits in the history. They are numbered through all histories in order; a draw picks a number, and
// a guide table (Chen & Asau 1974) finds the history of a number in constant expected time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "draw.hpp"
#include "lanes.hpp"

namespace adfast {

class WindowPlan {
  public:
    // The candidates of one history.
    struct Entry {
        uint64_t begin;  // the number of its first candidate among all
        uint64_t first;  // that candidate: a row, or the number of an episode start
        uint64_t lane;
        uint64_t history;  // its number
    };
    // The rows of the same history.
    struct Rows {
        uint64_t begin, end;  // held
        uint64_t origin;      // the row at which the history began
    };
    struct Window {
        const Entry* entry;
        uint64_t row;
    };

    // Plans over the histories numbered from `evicted` to below `committed`.
    WindowPlan(const Lanes& lanes, uint64_t length, bool by_episode, uint64_t evicted,
               uint64_t committed)
        : version(lanes.version()), length(length), by_episode_(by_episode) {
        while (!collect(lanes, evicted, committed)) {
        }
        build_guide();
    }

    uint64_t num_candidates() const { return entries_.back().begin; }
    size_t num_histories() const { return rows_.size(); }
    const Rows& rows(const Window& window) const { return rows_[window.entry - entries_.data()]; }

    // The window that `bits` draws, uniform over all candidates.
    Window locate(const Lanes& lanes, uint64_t bits) const {
        const uint64_t candidate = scale(bits, num_candidates());
        const Entry* entry = guess(bits);
        if (candidate >= entry[1].begin) {
            const Entry* last = &entries_[guide_[(bits >> guide_shift_) + 1] + 1];
            entry = std::upper_bound(
                        entry + 2, last, candidate,
                        [](uint64_t number, const Entry& later) { return number < later.begin; }) -
                    1;
        }
        return window(lanes, *entry, candidate - entry->begin);
    }

    // The first candidate of the history that `bits` draws, uniform over all histories.
    Window locate_history(const Lanes& lanes, uint64_t bits) const {
        return window(lanes, entries_[scale(bits, num_histories())], 0);
    }

    // False if a row that was looked up as an episode start has been replaced meanwhile: then it is
    // outside the history.
    bool contains(const Window& window, uint64_t count) const {
        return !by_episode_ ||
               (window.row >= rows(window).begin && window.row + count <= rows(window).end);
    }

    // Where `locate` starts to look, for prefetching.
    const Entry* guess(uint64_t bits) const { return &entries_[guide_[bits >> guide_shift_]]; }

    const uint64_t version;  // of the lanes when the plan was made
    const uint64_t length;   // rows of a window
    uint64_t longest = 0;    // rows of the longest history held
    struct Count {
        uint64_t histories = 0, rows = 0;
    };
    Count held, undrawn;  // of the histories planned over, and of those that hold no window

  private:
    // The window at candidate `position` of one history.
    Window window(const Lanes& lanes, const Entry& entry, uint64_t position) const {
        const uint64_t candidate = entry.first + position;
        return {&entry, by_episode_ ? lanes.episodes(entry.lane)[candidate] : candidate};
    }

    // False when the table was moved meanwhile, so that an ended history may have been taken as
    // open.
    bool collect(const Lanes& lanes, uint64_t evicted, uint64_t committed) {
        entries_.clear();
        rows_.clear();
        longest = 0;
        held = undrawn = {};
        uint64_t num_candidates = 0;
        const HistoryTable::Reader histories(lanes.table);
        for (const History& history : histories) {
            if (history.number < evicted) continue;
            if (history.number >= committed) break;
            // The order matters: a row committed after the history's end is read with that end.
            const uint64_t num_rows = lanes.committed(history.lane).load(std::memory_order_acquire);
            const uint64_t end =
                std::min(num_rows, history.end_row.load(std::memory_order_acquire));
            const uint64_t begin = std::max(history.first_row, lanes.first_held(history.lane));
            if (end <= begin) continue;
            longest = std::max(longest, end - begin);
            ++held.histories;
            held.rows += end - begin;
            uint64_t first = begin, last = end < length ? 0 : end - length + 1;
            if (by_episode_ && first < last) {
                first = lanes.episodes(history.lane).lower_bound(first);
                last = lanes.episodes(history.lane).lower_bound(last);
            }
            if (last <= first) {
                ++undrawn.histories;
                undrawn.rows += end - begin;
                continue;
            }
            entries_.push_back({num_candidates, first, history.lane, history.number});
            rows_.push_back({begin, end, history.first_row});
            num_candidates += last - first;
        }
        entries_.push_back({num_candidates, 0, 0, 0});
        return histories.is_current();
    }

    // guide_[k] is the history of the least candidate that bucket k of the draws can yield.
    void build_guide() {
        if (rows_.empty()) return;
        int log2_buckets = 1;
        while ((uint64_t{1} << log2_buckets) < rows_.size()) ++log2_buckets;
        guide_shift_ = 64 - log2_buckets;
        const uint64_t num_buckets = uint64_t{1} << log2_buckets;
        size_t index = 0;
        for (uint64_t bucket = 0; bucket < num_buckets; ++bucket) {
            const uint64_t candidate = scale(bucket << guide_shift_, num_candidates());
            while (entries_[index + 1].begin <= candidate) ++index;
            guide_.push_back(static_cast<uint32_t>(index));
        }
        guide_.push_back(static_cast<uint32_t>(rows_.size() - 1));
    }

    bool by_episode_;
    std::vector<Entry> entries_;  // and one more, which begins after the last candidate
    std::vector<Rows> rows_;
    std::vector<uint32_t> guide_;
    int guide_shift_ = 0;
};

}  // namespace adfast
