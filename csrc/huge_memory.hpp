// Memory for columns of many gigabytes, sampled at random.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "forbidden_memory.hpp"

namespace adfast {

// Zeroed anonymous memory, in huge pages where the system grants them: random windows over
// gigabytes would otherwise miss the TLB at every field.
class HugeMemory {
  public:
    explicit HugeMemory(size_t bytes) : bytes_(bytes + kHugePage) {
        mapping_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping_ == MAP_FAILED) throw std::bad_alloc();
        const auto address = reinterpret_cast<uintptr_t>(mapping_);
        data_ = reinterpret_cast<std::byte*>((address + kHugePage - 1) / kHugePage * kHugePage);
        madvise(data_, bytes, MADV_HUGEPAGE);
        const auto* end = static_cast<std::byte*>(mapping_) + bytes_;
        forbid_access(data_ + bytes, end - (data_ + bytes));
    }
    ~HugeMemory() {
        allow_access(mapping_, bytes_);
        munmap(mapping_, bytes_);
    }
    HugeMemory(const HugeMemory&) = delete;
    HugeMemory& operator=(const HugeMemory&) = delete;

    std::byte* data() const { return data_; }

  private:
    static constexpr size_t kHugePage = size_t{1} << 21;
    size_t bytes_;
    void* mapping_;
    std::byte* data_;
};

// One column of `num_items` items per field.
class Columns {
  public:
    Columns(size_t num_items, const std::vector<size_t>& item_bytes) {
        for (const size_t bytes : item_bytes) {
            memory_.push_back(std::make_unique<HugeMemory>(num_items * bytes));
        }
    }

    std::vector<std::byte*> addresses() const {
        std::vector<std::byte*> addresses;
        for (const auto& column : memory_) addresses.push_back(column->data());
        return addresses;
    }

  private:
    std::vector<std::unique_ptr<HugeMemory>> memory_;
};

}  // namespace adfast
