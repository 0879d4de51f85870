// What the numbers of each field may be: below a size of their own, and finite.
//
// Definition: `first_misfit` in `tests/reference/field_limits.py`. Numbers are compared in runs of
// `kTile` items against a tile that repeats the limits of one item, so that compilers vectorise
// over items of any size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace adfast {

// What holds for the numbers of one field.
class NumberLimits {
  public:
    // `dtype` is NumPy's name; `greatest` has the greatest value of each number of an item, or is
    // empty where any number is allowed. Floats must be finite: in float32, if `narrow`.
    NumberLimits(const std::string& dtype, size_t item_numbers,
                 const std::vector<uint64_t>& greatest, bool narrow)
        : item_numbers_(item_numbers) {
        if (dtype == "uint8") set<uint8_t>(greatest);
        else if (dtype == "uint16") set<uint16_t>(greatest);
        else if (dtype == "uint32") set<uint32_t>(greatest);
        else if (!greatest.empty()) throw std::invalid_argument("dtype has no limits");
        else if (dtype == "float16") set_finite<uint16_t>(0x7c00);
        else if (dtype == "float32") set_finite<uint32_t>(0x7f800000);
        else if (dtype == "float64") {
            // As bits without the sign, floats are ordered as integers are. From here on a float64
            // rounds to infinity in float32.
            set_finite<uint64_t>(narrow ? 0x47effffff0000000 : 0x7ff0000000000000);
        }
    }

    // Bytes of one item whose numbers have `number_bytes` each, unless it is checked: then its own.
    size_t item_bytes(size_t number_bytes) const {
        return item_numbers_ * (number_bytes_ ? number_bytes_ : number_bytes);
    }
    bool is_checked() const { return first_ != nullptr; }

    // The first of `num_items` items at `data` in which a number is not allowed, or `num_items`.
    size_t first_misfit(const std::byte* data, size_t num_items) const {
        return first_(*this, data, num_items);
    }

  private:
    static constexpr size_t kTile = 64;  // items

    template <typename T>
    void set(const std::vector<uint64_t>& greatest) {
        if (greatest.empty()) return;
        if (greatest.size() != item_numbers_) throw std::invalid_argument("one limit per number");
        number_bytes_ = sizeof(T);
        tile_.resize(kTile * item_numbers_ * sizeof(T));
        auto* limits = reinterpret_cast<T*>(tile_.data());
        for (size_t i = 0; i < kTile * item_numbers_; ++i) {
            limits[i] = static_cast<T>(greatest[i % item_numbers_]);
        }
        first_ = [](const NumberLimits& self, const std::byte* data, size_t num_items) {
            const auto* limits = reinterpret_cast<const T*>(self.tile_.data());
            return self.search<T>(data, num_items, [limits](T value, size_t i) {
                return static_cast<T>(value > limits[i]);
            });
        };
    }

    template <typename T>
    void set_finite(T infinity) {
        number_bytes_ = sizeof(T);
        infinity_ = infinity;
        first_ = [](const NumberLimits& self, const std::byte* data, size_t num_items) {
            const auto infinity = static_cast<T>(self.infinity_);
            return self.search<T>(data, num_items, [infinity](T bits, size_t) {
                const T magnitude = bits & static_cast<T>(static_cast<T>(~T{0}) >> 1);
                return static_cast<T>(magnitude >= infinity);
            });
        };
    }

    // The first item with a number for which `is_wrong(number, its place in the tile)`.
    template <typename T, typename IsWrong>
    size_t search(const std::byte* data, size_t num_items, const IsWrong& is_wrong) const {
        const auto number = [data](size_t i) {  // which may lie anywhere
            T value;
            std::memcpy(&value, data + i * sizeof(T), sizeof(T));
            return value;
        };
        const size_t total = num_items * item_numbers_, tile = kTile * item_numbers_;
        for (size_t first = 0; first < total; first += tile) {
            const size_t count = std::min(tile, total - first);
            T any = 0;
            for (size_t i = 0; i < count; ++i) any |= is_wrong(number(first + i), i);
            if (!any) continue;
            size_t i = 0;
            while (!is_wrong(number(first + i), i)) ++i;
            return (first + i) / item_numbers_;
        }
        return num_items;
    }

    size_t item_numbers_;
    size_t number_bytes_ = 0;
    std::vector<std::byte> tile_;
    uint64_t infinity_ = 0;
    size_t (*first_)(const NumberLimits&, const std::byte*, size_t) = nullptr;
};

// Those of all fields of a schema.
class FieldLimits {
  public:
    explicit FieldLimits(std::vector<NumberLimits> fields) : fields_(std::move(fields)) {}

    size_t num_fields() const { return fields_.size(); }

    size_t item_bytes(size_t field, size_t number_bytes) const {
        return fields_[field].item_bytes(number_bytes);
    }

    // (field, row, place in the row) of the first item that is not allowed, field by field, of
    // `columns[field]` [num_rows][row_items][item]; of row r the first `lengths[r]` items count
    // (null: all).
    struct Place {
        size_t field, row, item;
    };
    std::optional<Place> first_misfit(const std::vector<const std::byte*>& columns,
                                      const std::vector<size_t>& item_bytes, size_t num_rows,
                                      size_t row_items, const uint64_t* lengths) const {
        for (size_t field = 0; field < fields_.size(); ++field) {
            const NumberLimits& limits = fields_[field];
            if (!limits.is_checked()) continue;
            if (!lengths) {
                const size_t count = num_rows * row_items;
                const size_t at = limits.first_misfit(columns[field], count);
                if (at < count) return Place{field, at / row_items, at % row_items};
                continue;
            }
            for (size_t row = 0; row < num_rows; ++row) {
                const auto* items = columns[field] + row * row_items * item_bytes[field];
                const size_t count = lengths[row];
                const size_t at = limits.first_misfit(items, count);
                if (at < count) return Place{field, row, at};
            }
        }
        return std::nullopt;
    }

  private:
    std::vector<NumberLimits> fields_;
};

}  // namespace adfast
