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
    // The candidates of one history: one cache line.
    struct alignas(kLineBytes) Entry {
        uint64_t begin, end;           // their numbers among all candidates: [begin, end)
        uint64_t first;                // the first of them: a row, or the number of an episode start
        uint64_t lane;
        uint64_t first_row, end_row;   // the rows of the history that are held
        uint64_t history;              // its number
        uint64_t history_row;          // the row at which it began
    };
    struct Window {
        const Entry* entry;
        uint64_t row;
    };

    // Plans over the histories numbered below `committed`.
    WindowPlan(const Lanes& lanes, uint64_t length, bool by_episode, uint64_t committed)
        : version(lanes.version()), length(length), by_episode_(by_episode) {
        while (!collect(lanes, committed)) {
        }
        build_guide();
    }

    uint64_t num_candidates() const { return entries_.empty() ? 0 : entries_.back().end; }
    const std::vector<Entry>& entries() const { return entries_; }

    // The window that `bits` draws, uniform over all candidates.
    Window locate(const Lanes& lanes, uint64_t bits) const {
        const uint64_t candidate = scale(bits, num_candidates());
        const Entry* entry = guess(bits);
        if (candidate >= entry->end) {
            const Entry* last = &entries_[guide_[(bits >> guide_shift_) + 1]];
            entry = std::upper_bound(entry + 1, last, candidate, [](uint64_t value, const Entry& e) {
                return value < e.end;
            });
        }
        return window(lanes, *entry, candidate - entry->begin);
    }

    // Where `locate` starts to look, for prefetching.
    const Entry* guess(uint64_t bits) const { return &entries_[guide_[bits >> guide_shift_]]; }

    // The window at candidate `position` of one history.
    Window window(const Lanes& lanes, const Entry& entry, uint64_t position) const {
        const uint64_t candidate = entry.first + position;
        return {&entry, by_episode_ ? lanes.episodes(entry.lane)[candidate] : candidate};
    }

    const uint64_t version;  // of the lanes when the plan was made
    const uint64_t length;   // rows of a window
    uint64_t longest = 0;    // rows of the longest history held

  private:
    // False when the table was moved meanwhile, so that an ended history may have been taken as open.
    bool collect(const Lanes& lanes, uint64_t committed) {
        entries_.clear();
        longest = 0;
        const HistoryTable::Reader histories(lanes.table);
        for (const History& history : histories) {
            if (history.number >= committed) break;
            const Lane& lane = lanes.lane(history.lane);
            // The order matters: a row committed after the history's end is read with that end.
            const uint64_t rows = lanes.committed(history.lane).load(std::memory_order_acquire);
            const uint64_t end_row =
                std::min(rows, history.end_row.load(std::memory_order_acquire));
            const uint64_t first_row = std::max(history.first_row, lane.first_held());
            if (end_row <= first_row) continue;
            longest = std::max(longest, end_row - first_row);
            if (end_row - first_row < length) continue;
            uint64_t first = first_row, last = end_row - length + 1;
            if (by_episode_) {
                first = lanes.episodes(history.lane).lower_bound(first);
                last = lanes.episodes(history.lane).lower_bound(last);
            }
            if (last <= first) continue;
            const uint64_t begin = num_candidates();
            entries_.push_back({begin, begin + (last - first), first, history.lane, first_row,
                                end_row, history.number, history.first_row});
        }
        return histories.is_current();
    }

    // guide_[k] is the history of the least candidate that bucket k of the draws can yield.
    void build_guide() {
        int log2_buckets = 1;
        while ((uint64_t{1} << log2_buckets) < entries_.size()) ++log2_buckets;
        guide_shift_ = 64 - log2_buckets;
        const uint64_t num_buckets = uint64_t{1} << log2_buckets;
        guide_.resize(num_buckets + 1);
        size_t index = 0;
        for (uint64_t bucket = 0; bucket < num_buckets && !entries_.empty(); ++bucket) {
            const uint64_t candidate = scale(bucket << guide_shift_, num_candidates());
            while (entries_[index].end <= candidate) ++index;
            guide_[bucket] = static_cast<uint32_t>(index);
        }
        guide_[num_buckets] = entries_.empty() ? 0 : static_cast<uint32_t>(entries_.size() - 1);
    }

    bool by_episode_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> guide_;
    int guide_shift_ = 63;
};

}  // namespace adfast
