// A whole file mapped for reading. Unlike Python's mmap it keeps no file descriptor, so a store may
// have more shards than a process may have open files.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>

#include "forbidden_memory.hpp"

namespace adfast {

class MappedFile {
  public:
    // Maps `path`, which must be a regular file of exactly `bytes` bytes; reading past the end of a
    // shorter file would be SIGBUS. A pipe is refused like any other, not waited for. Throws
    // std::system_error.
    MappedFile(const std::string& path, size_t bytes) : bytes_(bytes) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (file < 0) throw std::system_error(errno, std::generic_category(), path);
        struct stat status{};
        int error = fstat(file, &status) < 0 ? errno : 0;
        if (!error && (!S_ISREG(status.st_mode) || static_cast<size_t>(status.st_size) != bytes)) {
            error = EINVAL;
        }
        if (!error) {
            data_ = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
            if (data_ == MAP_FAILED) error = errno;
        }
        close(file);
        if (error) throw std::system_error(error, std::generic_category(), path);
        madvise(data_, bytes, MADV_HUGEPAGE);  // granted by some file systems only
        forbid_access(static_cast<std::byte*>(data_) + bytes, bytes_of_last_page_unused());
    }
    ~MappedFile() {
        allow_access(data_, bytes_ + bytes_of_last_page_unused());
        munmap(data_, bytes_);
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    void* data() const { return data_; }
    size_t bytes() const { return bytes_; }

  private:
    size_t bytes_of_last_page_unused() const {
        const size_t page = sysconf(_SC_PAGESIZE);
        return (page - bytes_ % page) % page;
    }

    size_t bytes_;
    void* data_ = nullptr;
};

}  // namespace adfast
