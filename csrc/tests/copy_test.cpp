// Copies of every size at every alignment are exact and write nothing beside; exit status 0.
#include <vector>

#include "../copy_bytes.hpp"
#include "check.hpp"

using namespace adfast;

int main() {
    constexpr size_t kLongest = 700, kMargin = 64;
    std::vector<std::byte> from(kLongest + kMargin);
    for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7 + i / 256);
    const std::byte untouched{0xee};
    for (const CopyBytes copy : {fastest_copy(), CopyBytes{plain_copy}}) {
        for (size_t bytes = 0; bytes <= kLongest; ++bytes) {
            for (size_t shift = 0; shift < 33; shift += 1 + bytes % 3) {
                const size_t source = (bytes + 5 * shift) % 32;
                std::vector<std::byte> to(bytes + 2 * kMargin, untouched);
                copy(to.data() + shift, from.data() + source, bytes);
                for (size_t i = 0; i < to.size(); ++i) {
                    const bool is_copied = i >= shift && i < shift + bytes;
                    CHECK(to[i] == (is_copied ? from[source + i - shift] : untouched));
                }
            }
        }
        // Exactly as much memory as is copied: AddressSanitizer sees a read or write beyond it.
        for (size_t bytes = 1; bytes <= kLongest; ++bytes) {
            const std::vector<std::byte> source(from.begin(), from.begin() + bytes);
            std::vector<std::byte> to(bytes);
            copy(to.data(), source.data(), bytes);
            CHECK(to == source);
        }
    }
}
