// Samples marked rows from a ring as `adfast.histories` does, and checks every window.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "gather.hpp"
#include "gather_pool.hpp"
#include "marked_rows.hpp"

namespace adfast {

class MarkedReader {
  public:
    MarkedReader(const RingBuffer& ring, uint64_t seed, size_t max_threads = 3)
        : lanes_(ring.lanes()), seed_(seed), max_threads_(max_threads) {
        // Memory of the test's own is taken once, so that what grows is the ring's.
        for (const Kind& kind : kKinds) batches_.emplace_back(kBatchSize * kind.length);
    }

    uint64_t num_windows = 0;    // sampled and checked
    uint64_t num_torn = 0;       // of them
    uint64_t num_misnamed = 0;   // of them
    uint64_t num_overtaken = 0;  // batches given up, because the writer was faster

    // Sample and check one batch; which kind of batch depends on how many went before.
    void read() {
        const size_t index = draw_ / 2 % kKinds.size();
        const Kind& kind = kKinds[index];
        // Each plan serves twice: windows that the writer has overtaken since are drawn again.
        if (draw_++ % 2 == 0) {
            const size_t length = kind.is_packed ? 1 : kind.length;
            plan_ = std::make_unique<WindowPlan>(lanes_, length, kind.by_episode, 0, kOpen);
        }
        if (plan_->num_candidates() > 0) read(kind, *plan_, batches_[index]);
    }

  private:
    struct Kind {
        size_t length;
        bool by_episode, is_packed;
        size_t num_threads;
    };
    static constexpr size_t kBatchSize = 16;
    // The packed rows are longer than any lane of the tests.
    static constexpr std::array<Kind, 6> kKinds{{{1, false, false, 1},
                                                 {23, true, false, 2},
                                                 {40, false, false, 2},
                                                 {150, false, false, 1},
                                                 {150, true, false, 3},
                                                 {600, true, true, 2}}};

    void read(const Kind& kind, const WindowPlan& plan, MarkedBatch& batch) {
        const size_t num_tokens = kBatchSize * kind.length;
        Target target{kBatchSize, kind.length, {0, 1, 2, 3, 4, 5, 6}, batch.outputs()};
        target.num_positions = kind.is_packed ? num_tokens : kBatchSize;
        target.history = batch.history.data();
        target.offset = batch.offset.data();
        const Gather gather(lanes_, plan, target, batch_stream(seed_, draw_));
        std::atomic<bool> is_whole{true};
        const size_t num_threads = std::min(kind.num_threads, max_threads_);
        GatherPool::instance().run(kBatchSize, num_threads, [&](size_t first, size_t last) {
            const bool is_done = kind.is_packed
                                     ? gather.packed(batch.document_start.data(), first, last)
                                     : gather.windows(first, last);
            if (!is_done) is_whole = false;
        });
        if (!is_whole) {
            ++num_overtaken;
            return;
        }
        for (size_t row = 0; row < kBatchSize; ++row) {
            const size_t first = row * kind.length;
            if (kind.is_packed) check_documents(batch, first, kind.length);
            else check(batch, first, kind.length, row);
        }
    }

    void check_documents(const MarkedBatch& batch, size_t first, size_t length) {
        const int32_t* document_start = &batch.document_start[first];
        for (size_t start = 0, end = 1; start < length; start = end++) {
            while (end < length && document_start[end] == static_cast<int32_t>(start)) ++end;
            check(batch, first + start, end - start, first + start);
        }
    }

    // Check `count` tokens whose identity is at `position`.
    void check(const MarkedBatch& batch, size_t first, size_t count, size_t position) {
        const Fault fault =
            batch.fault(first, count, batch.history[position], batch.offset[position]);
        ++num_windows;
        num_torn += fault == Fault::kTorn;
        num_misnamed += fault == Fault::kMisnamed;
    }

    const Lanes& lanes_;
    uint64_t seed_, draw_ = 0;
    size_t max_threads_;
    std::vector<MarkedBatch> batches_;  // by kind
    std::unique_ptr<WindowPlan> plan_;
};

}  // namespace adfast
