// Checks GatherPool alone; exit status 0 if all holds.
#include "gather_pool.hpp"

#include <sys/wait.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"

using adfast::GatherPool;

// Every index is visited once, whatever the number of threads.
void visits_every_index_once(size_t size, size_t num_threads) {
    std::vector<std::atomic<int>> visits(size);
    GatherPool::instance().run(size, num_threads, [&](size_t first, size_t last) {
        for (size_t i = first; i < last; ++i) ++visits[i];
    });
    for (const auto& count : visits) CHECK(count == 1);
}

// The first exception of any part reaches the caller, after all parts have ended.
void carries_exceptions(size_t failing_part) {
    std::atomic<int> num_ended{0};
    std::string message;
    try {
        GatherPool::instance().run(8, 8, [&](size_t first, size_t) {
            ++num_ended;
            if (first == failing_part) throw std::runtime_error("part failed");
        });
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    CHECK(message == "part failed");
    CHECK(num_ended == 8);
}

// Callers on several threads share the pool.
void serves_many_callers() {
    std::vector<std::thread> callers;
    for (size_t i = 0; i < 4; ++i) {
        callers.emplace_back([i] {
            for (size_t round = 0; round < 200; ++round) visits_every_index_once(round % 17, i + 1);
        });
    }
    for (auto& caller : callers) caller.join();
}

// The child of a fork has no threads but its own, and makes a pool of its own.
void survives_fork() {
    const pid_t child = fork();
    if (child == 0) {
        visits_every_index_once(100, 4);
        carries_exceptions(3);
        std::_Exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
}

int main() {
    for (size_t num_threads : {1, 2, 3, 8}) {
        for (size_t size : {0, 1, 2, 7, 1000}) visits_every_index_once(size, num_threads);
    }
    for (size_t part = 0; part < 8; ++part) carries_exceptions(part);
    serves_many_callers();
    survives_fork();
    visits_every_index_once(1000, 4);
}
