// Readers against one writer at full speed: counts windows that are torn or not what they are said
// to be, and watches the memory of the process.
//
//     ring_race WINDOWS SECONDS FIRST_NUMBER
//
// runs until both numbers are reached, prints its counts as JSON, and exits with 1 if a window was
// wrong. `memory_growth` is that of the resident memory after the first tenth of the time.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>
#include <thread>

#include "check.hpp"
#include "marked_reader.hpp"

using namespace adfast;

namespace {

constexpr size_t kNumReaders = 3;

size_t resident_bytes() {
    size_t size = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int num_arguments, char** arguments) {
    CHECK(num_arguments == 4);
    const uint64_t min_windows = std::strtoull(arguments[1], nullptr, 10);
    const double min_seconds = std::strtod(arguments[2], nullptr);
    const uint64_t first_number = std::strtoull(arguments[3], nullptr, 10);

    RingBuffer ring(4, 509, {kItemBytes.begin(), kItemBytes.end()}, kEpisodeField, first_number,
                    kContinued);
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> num_windows{0}, num_rows{0};
    std::thread writer([&] {
        MarkedWriter rows(ring, first_number, 1);
        while (!stop) {
            rows.write();
            num_rows = rows.num_rows();
        }
    });
    std::vector<MarkedReader> readers;
    for (size_t seed = 0; seed < kNumReaders; ++seed) readers.emplace_back(ring, seed);
    std::vector<std::thread> threads;
    for (MarkedReader& reader : readers) {
        threads.emplace_back([&] {
            while (!stop) {
                const uint64_t before = reader.num_windows;
                reader.read();
                num_windows += reader.num_windows - before;
            }
        });
    }

    const auto start = std::chrono::steady_clock::now();
    size_t first_bytes = 0, most_bytes = 0;
    while (num_windows < min_windows || seconds_since(start) < min_seconds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (seconds_since(start) < min_seconds / 10) continue;
        const size_t bytes = resident_bytes();
        if (first_bytes == 0) first_bytes = bytes;
        most_bytes = std::max(most_bytes, bytes);
    }
    stop = true;
    writer.join();
    for (std::thread& thread : threads) thread.join();

    const auto total = [&](uint64_t MarkedReader::* count) {
        return std::accumulate(
            readers.begin(), readers.end(), uint64_t{0},
            [&](uint64_t sum, const MarkedReader& reader) { return sum + reader.*count; });
    };
    const uint64_t num_torn = total(&MarkedReader::num_torn);
    const uint64_t num_misnamed = total(&MarkedReader::num_misnamed);
    const double growth = static_cast<double>(most_bytes) / static_cast<double>(first_bytes);
    std::printf(
        "{\"seconds\": %.1f, \"rows\": %zu, \"windows\": %zu, \"overtaken_batches\": %zu, "
        "\"torn\": %zu, \"misnamed\": %zu, \"resident_bytes\": %zu, \"memory_growth\": %.4f}\n",
        seconds_since(start), num_rows.load(), total(&MarkedReader::num_windows),
        total(&MarkedReader::num_overtaken), num_torn, num_misnamed, most_bytes, growth);
    return num_torn + num_misnamed > 0;
}
