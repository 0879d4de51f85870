// Threads that share the rows of a batch; they survive fork and carry exceptions to the caller.
//
// Only the forking thread lives on in a child process, and any lock may be held there for ever. The
// pool therefore belongs to the process that made it: another process id makes another pool, and
// the old one is left untouched. Pools are never destroyed: their threads wait until the exit.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace adfast {

class GatherPool {
  public:
    // The pool of this process.
    static GatherPool& instance() {
        static std::atomic<GatherPool*> current{nullptr};
        GatherPool* pool = current.load(std::memory_order_acquire);
        if (pool && pool->process_ == getpid()) return *pool;
        auto* fresh = new GatherPool();
        if (current.compare_exchange_strong(pool, fresh)) return *fresh;
        delete fresh;  // another thread of this process was first; no thread runs in it yet
        return *pool;
    }

    // Call task(first, last) on `num_threads` even parts of [0, size), one of them on this thread.
    // Rethrows the first exception after every part has ended.
    void run(size_t size, size_t num_threads, const std::function<void(size_t, size_t)>& task) {
        const size_t parts = std::max<size_t>(1, std::min(num_threads, size));
        if (parts == 1) return task(0, size);
        auto job = std::make_shared<Job>();
        job->task = &task;
        job->size = size;
        job->parts = parts;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            for (; num_workers_ + 1 < parts; ++num_workers_) {
                std::thread([this] { work(); }).detach();
            }
            for (size_t i = 1; i < parts; ++i) jobs_.push_back(job);
        }
        wake_.notify_all();
        job->run_parts();
        // A worker may still hold the job: the exception is taken out of it, so that it ends here.
        if (std::exception_ptr error = job->wait()) std::rethrow_exception(std::move(error));
    }

  private:
    struct Job {
        const std::function<void(size_t, size_t)>* task;
        size_t size, parts;
        std::atomic<size_t> next{0};
        size_t done = 0;
        std::exception_ptr error;
        std::mutex mutex;
        std::condition_variable finished;

        // Take parts until none is left.
        void run_parts() {
            for (size_t part = next++; part < parts; part = next++) {
                std::exception_ptr thrown;
                try {
                    (*task)(size* part / parts, size * (part + 1) / parts);
                } catch (...) {
                    thrown = std::current_exception();
                }
                const std::lock_guard<std::mutex> lock(mutex);
                if (thrown && !error) error = std::move(thrown);
                if (++done == parts) finished.notify_all();
            }
        }

        // Wait for every part; the first exception of any, or null.
        std::exception_ptr wait() {
            std::unique_lock<std::mutex> lock(mutex);
            finished.wait(lock, [this] { return done == parts; });
            return std::move(error);
        }
    };

    void work() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return !jobs_.empty(); });
            const std::shared_ptr<Job> job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job->run_parts();
            lock.lock();
        }
    }

    const pid_t process_ = getpid();
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Job>> jobs_;
    size_t num_workers_ = 0;
};

}  // namespace adfast
