// A ring whose plans are overtaken, in a process that forks, throws and exits while the ring is
// written and sampled; exit status 0 if all holds.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "check.hpp"
#include "marked_reader.hpp"

using namespace adfast;

namespace {

constexpr int kExitStatus = 42;
constexpr size_t kPatience = 15'000;  // rests, half a minute and more

void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

// What the sanitizers' own runtimes cannot do in a process with threads: AddressSanitizer's
// allocator may be locked for ever in the child, and ThreadSanitizer's child cannot start threads.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kForksAtRest = true;
#else
constexpr bool kForksAtRest = false;
#endif
#ifdef __SANITIZE_THREAD__
constexpr size_t kThreadsOfChild = 1;
#else
constexpr size_t kThreadsOfChild = 3;
#endif

// A ring with one writer and two readers at work until it is destroyed.
class Traffic {
  public:
    Traffic()
        : ring_(4, 509, {kItemBytes.begin(), kItemBytes.end()}, kEpisodeField, 0, kContinued) {
        threads_.emplace_back([this] {
            MarkedWriter writer(ring_, 0, 2);
            work([&] { writer.write(); });
        });
        for (uint64_t seed = 0; seed < 2; ++seed) {
            threads_.emplace_back([this, seed] {
                MarkedReader reader(ring_, seed);
                work([&] {
                    reader.read();
                    CHECK(reader.num_torn + reader.num_misnamed == 0);
                });
            });
        }
    }
    ~Traffic() {
        stop_ = true;
        for (std::thread& thread : threads_) thread.join();
    }

    // Return after some traffic more.
    void let_pass() {
        const uint64_t version = ring_.lanes().version();
        while (ring_.lanes().version() < version + 20) rest();
    }

    // fork() amid the traffic, or between two strokes of work of every thread.
    pid_t fork_process() {
        if (!kForksAtRest) return fork();
        is_resting_ = true;  // or the workers, always at work in turn, would never let the lock go
        const std::unique_lock<std::shared_mutex> rest(at_work_);
        is_resting_ = false;
        return fork();
    }

    // Sample the ring and check every window.
    void check_held(size_t max_threads) {
        MarkedReader reader(ring_, 7, max_threads);
        for (int i = 0; i < 60; ++i) reader.read();
        CHECK(reader.num_windows > 0 && reader.num_torn + reader.num_misnamed == 0);
    }

  private:
    template <typename Stroke>
    void work(const Stroke& stroke) {
        while (!stop_) {
            while (is_resting_) std::this_thread::yield();
            const std::shared_lock<std::shared_mutex> work(at_work_);
            stroke();
        }
    }

    RingBuffer ring_;
    std::atomic<bool> stop_{false}, is_resting_{false};
    std::shared_mutex at_work_;
    std::vector<std::thread> threads_;
};

int status_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Whether a child ends by itself. A worker of the pool that lets go of its job may hold the lock of
// a sanitizer's allocator at the fork, for all that the traffic rests: such a child hangs before it
// has sampled anything, and is ended. Without a sanitizer none hangs, and one that did would be
// waited for until the test is given up.
bool ends_by_itself(pid_t child) {
    for (size_t waited = 0; kForksAtRest && waited < kPatience; ++waited) {
        siginfo_t ended{};
        waitid(P_PID, child, &ended, WEXITED | WNOHANG | WNOWAIT);
        if (ended.si_pid == child) return true;
        rest();
    }
    if (!kForksAtRest) return true;
    kill(child, SIGKILL);
    status_of(child);
    return false;
}

// Samples with plans that the writer has left far behind give nothing, and reach past no lane to
// find that out: AddressSanitizer reports a read behind the only one.
void overtaken_plans_give_nothing() {
    for (const bool is_packed : {false, true}) {
        RingBuffer ring(1, 64, {kItemBytes.begin(), kItemBytes.end()}, kEpisodeField, 0,
                        kContinued);
        MarkedWriter writer(ring, 0, 3);
        while (writer.num_rows() < 64) writer.append_block(16);
        const size_t length = is_packed ? 100 : 5;
        const WindowPlan plan(ring.lanes(), is_packed ? 1 : length, true, 0, kOpen);
        CHECK(plan.num_candidates() > 0);
        const uint64_t num_rows = writer.num_rows();
        while (writer.num_rows() < num_rows + 1000) writer.append_block(16);
        for (uint64_t draw = 0; draw < 50; ++draw) {
            MarkedBatch batch(length);
            const Target target{1, length, {0, 1, 2, 3, 4, 5, 6}, batch.outputs()};
            const Gather gather(ring.lanes(), plan, target, batch_stream(0, draw));
            const bool is_whole =
                is_packed ? gather.packed(batch.document_start.data(), 0, 1) : gather.windows(0, 1);
            CHECK(!is_whole);
        }
    }
}

// A child has the ring as it was at the fork, perhaps in the middle of a write: what was committed
// is sampled there, by a pool of its own, and is whole.
void child_samples_what_was_committed() {
    Traffic traffic;
    int num_hung = 0;
    for (int round = 0; round < 10; ++round) {
        traffic.let_pass();
        const pid_t child = traffic.fork_process();
        if (child == 0) {
            traffic.check_held(kThreadsOfChild);
            std::_Exit(0);
        }
        if (ends_by_itself(child)) {
            CHECK(status_of(child) == 0);
        } else {
            --round;
            CHECK(++num_hung < 10);
        }
    }
}

// A part that throws ends its own batch alone, while others go on.
void exceptions_pass_by_the_traffic() {
    Traffic traffic;
    for (int round = 0; round < 50; ++round) {
        std::string message;
        try {
            GatherPool::instance().run(4, 4, [](size_t first, size_t) {
                throw std::runtime_error("part " + std::to_string(first));
            });
        } catch (const std::runtime_error& error) {
            message = error.what();
        }
        CHECK(message.rfind("part ", 0) == 0);
    }
}

// Two writers never write at once: one of them is refused, and nothing is torn.
void second_writer_is_refused() {
    RingBuffer ring(4, 20000, {kItemBytes.begin(), kItemBytes.end()}, kEpisodeField, 0, kContinued);
    std::atomic<bool> is_refused{false};
    std::vector<std::thread> threads;
    for (uint64_t seed = 0; seed < 2; ++seed) {
        threads.emplace_back([&, seed] {
            MarkedWriter writer(ring, 0, seed);
            while (!is_refused) {
                try {
                    writer.append_block(5000);
                } catch (const std::logic_error&) {
                    is_refused = true;
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

// The process may end at any time: threads that still write and sample touch nothing that the end
// destroys.
void exit_passes_by_the_traffic() {
    const pid_t child = fork();
    if (child == 0) {
        static Traffic& traffic = *new Traffic;
        traffic.let_pass();
        std::exit(kExitStatus);
    }
    CHECK(status_of(child) == kExitStatus);
}

}  // namespace

int main() {
    overtaken_plans_give_nothing();
    for (int round = 0; round < 5; ++round) exit_passes_by_the_traffic();
    second_writer_is_refused();
    exceptions_pass_by_the_traffic();
    child_samples_what_was_committed();
}
