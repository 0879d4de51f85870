// The Python face of csrc: checks sizes, passes pointers, releases the GIL.
//
// `adfast.histories` checks what users pass and words the errors; what is checked here keeps a
// mistake in adfast itself from becoming an access out of bounds. No array is copied.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "attention_bindings.hpp"
#include "decode_bindings.hpp"
#include "field_limits.hpp"
#include "gather.hpp"
#include "gather_pool.hpp"
#include "layers_bindings.hpp"
#include "mapped_file.hpp"
#include "recurrent_bindings.hpp"
#include "ring_buffer.hpp"

namespace py = pybind11;
using namespace adfast;

namespace {

void require(bool condition, const char* rule) {
    if (!condition) throw std::invalid_argument(rule);
}

const std::byte* read_bytes(const py::array& array, size_t bytes) {
    require(array.flags() & py::array::c_style, "array must be C-contiguous");
    require(static_cast<size_t>(array.nbytes()) == bytes, "array has the wrong number of bytes");
    return static_cast<const std::byte*>(array.data());
}

std::byte* write_bytes(py::array& array, size_t bytes) {
    require(array.writeable(), "array must be writeable");
    return const_cast<std::byte*>(read_bytes(array, bytes));
}

std::vector<const std::byte*> read_fields(const Lanes& lanes, const std::vector<py::array>& arrays,
                                          size_t num_items) {
    require(arrays.size() == lanes.num_fields(), "one array per field is needed");
    std::vector<const std::byte*> pointers;
    for (size_t field = 0; field < arrays.size(); ++field) {
        pointers.push_back(read_bytes(arrays[field], num_items * lanes.item_bytes(field)));
    }
    return pointers;
}

void append(RingBuffer& ring, const std::vector<py::array>& fields, const py::object& starts) {
    const size_t num_lanes = ring.lanes().num_lanes();
    const auto rows = read_fields(ring.lanes(), fields, num_lanes);
    const auto* starts_data = starts.is_none()
                                  ? nullptr
                                  : reinterpret_cast<const uint8_t*>(read_bytes(
                                        py::reinterpret_borrow<py::array>(starts), num_lanes));
    const py::gil_scoped_release release;
    ring.append(rows, starts_data);
}

void append_block(RingBuffer& ring, const std::vector<size_t>& targets,
                  const std::vector<py::array>& fields, size_t max_length,
                  const py::array_t<uint64_t>& lengths, const py::array_t<bool>& starts) {
    const size_t count = targets.size();
    const auto columns = read_fields(ring.lanes(), fields, count * max_length);
    const auto* lengths_data =
        reinterpret_cast<const uint64_t*>(read_bytes(lengths, count * sizeof(uint64_t)));
    const auto* starts_data = reinterpret_cast<const uint8_t*>(read_bytes(starts, count));
    for (size_t i = 0; i < count; ++i) {
        require(targets[i] < ring.lanes().num_lanes(), "lane is out of range");
        require(lengths_data[i] <= std::min<uint64_t>(max_length, ring.lanes().capacity(0)),
                "length exceeds the block or the capacity");
    }
    const py::gil_scoped_release release;
    ring.append_block(targets, columns, max_length, lengths_data, starts_data);
}

// A field as `FieldLimits` is told of it: dtype, numbers of an item, greatest value of each.
using DescribedField = std::tuple<std::string, size_t, std::vector<uint64_t>>;

std::unique_ptr<FieldLimits> make_limits(const std::vector<DescribedField>& fields, bool narrow) {
    std::vector<NumberLimits> limits;
    for (const auto& [dtype, item_numbers, greatest] : fields) {
        limits.emplace_back(dtype, item_numbers, greatest, narrow);
    }
    return std::make_unique<FieldLimits>(std::move(limits));
}

// (field, row, place) of the first item of `arrays[field]` [num_rows, row_items, *item] that is not
// allowed, or None.
py::object first_misfit(const FieldLimits& limits, const std::vector<py::array>& arrays,
                        size_t num_rows, size_t row_items, const py::object& lengths) {
    require(arrays.size() == limits.num_fields(), "one array per field is needed");
    std::vector<const std::byte*> columns;
    std::vector<size_t> item_bytes;
    const size_t num_items = num_rows * row_items;
    for (size_t field = 0; field < arrays.size(); ++field) {
        item_bytes.push_back(limits.item_bytes(field, arrays[field].itemsize()));
        columns.push_back(read_bytes(arrays[field], num_items * item_bytes.back()));
    }
    const uint64_t* lengths_data = nullptr;
    if (!lengths.is_none()) {
        const auto array = py::reinterpret_borrow<py::array>(lengths);
        lengths_data =
            reinterpret_cast<const uint64_t*>(read_bytes(array, num_rows * sizeof(uint64_t)));
        for (size_t row = 0; row < num_rows; ++row) {
            require(lengths_data[row] <= row_items, "length exceeds the row");
        }
    }
    std::optional<FieldLimits::Place> place;
    {
        const py::gil_scoped_release release;
        place = limits.first_misfit(columns, item_bytes, num_rows, row_items, lengths_data);
    }
    if (!place) return py::none();
    return py::make_tuple(place->field, place->row, place->item);
}

// Lanes over memory that never changes: `columns[lane][field]`, the rows of each lane, the rows
// [first, end) of each history in order, and the rows at which episodes start (or None) by lane.
std::unique_ptr<Lanes> fixed_lanes(const std::vector<size_t>& item_bytes,
                                   const std::vector<std::vector<py::array>>& columns,
                                   const std::vector<uint64_t>& rows,
                                   const std::vector<py::array_t<int64_t>>& offsets,
                                   const std::vector<py::object>& episode_starts) {
    const size_t num_lanes = columns.size();
    require(rows.size() == num_lanes && offsets.size() == num_lanes &&
                episode_starts.size() == num_lanes,
            "one entry per lane is needed");
    size_t num_histories = 0;
    for (const auto& lane_offsets : offsets) num_histories += lane_offsets.size();
    std::vector<std::byte*> pointers;
    for (size_t i = 0; i < num_lanes; ++i) {
        require(columns[i].size() == item_bytes.size(), "one array per field is needed");
        for (size_t field = 0; field < item_bytes.size(); ++field) {
            const auto* data = read_bytes(columns[i][field], rows[i] * item_bytes[field]);
            pointers.push_back(const_cast<std::byte*>(data));  // fixed lanes are never written
        }
    }
    auto lanes = std::make_unique<Lanes>(rows, item_bytes, std::move(pointers), num_histories + 1);
    for (size_t i = 0; i < num_lanes; ++i) {
        if (!episode_starts[i].is_none()) {
            const auto starts = py::reinterpret_borrow<py::array>(episode_starts[i]);
            const auto* data = read_bytes(starts, starts.size() * sizeof(uint64_t));
            lanes->episodes(i).borrow(reinterpret_cast<const uint64_t*>(data), starts.size());
        }
        const int64_t* offset = offsets[i].data();
        const auto first_held = [](size_t) { return uint64_t{0}; };
        for (py::ssize_t h = 0; h + 1 < offsets[i].size(); ++h) {
            require(0 <= offset[h] && offset[h] < offset[h + 1] &&
                        static_cast<uint64_t>(offset[h + 1]) <= rows[i],
                    "offsets must increase and end at the number of rows");
            lanes->table.begin_history(i, offset[h], first_held);
        }
        if (lanes->table.has_open(i)) lanes->table.end_history(i, rows[i]);
    }
    lanes->publish();
    return lanes;
}

// Let `field` continue `followed` in the lanes for which `keep` is called.
void let_continue(Lanes& lanes, size_t field, size_t followed) {
    require(field < lanes.num_fields() && followed < lanes.num_fields() && field != followed &&
                lanes.item_bytes(field) == lanes.item_bytes(followed),
            "a field must continue another of the same size");
    lanes.let_continue({field, followed});
}

// The rows of a fixed lane that keep their item of the continued field, and these items.
void keep(Lanes& lanes, size_t lane, const py::array_t<uint64_t>& rows, const py::array& items) {
    require(lanes.continued() && lane < lanes.num_lanes(), "no field is continued in this lane");
    const size_t count = rows.size();
    const auto* numbers =
        reinterpret_cast<const uint64_t*>(read_bytes(rows, count * sizeof(uint64_t)));
    const size_t bytes = lanes.item_bytes(lanes.continued()->field);
    lanes.kept(lane).borrow(numbers, count, read_bytes(items, count * bytes));
}

// A ring whose field `continued[0]`, if given, continues field `continued[1]`.
std::unique_ptr<RingBuffer> make_ring(size_t num_lanes, uint64_t capacity,
                                      const std::vector<size_t>& item_bytes, int episode_field,
                                      uint64_t first_number,
                                      const std::optional<std::pair<size_t, size_t>>& continued) {
    std::optional<Continued> fields;
    if (continued) {
        const auto [field, followed] = *continued;
        require(std::max(field, followed) < item_bytes.size() && field != followed &&
                    item_bytes[field] == item_bytes[followed],
                "a field must continue another of the same size");
        fields = Continued{field, followed};
    }
    return std::make_unique<RingBuffer>(num_lanes, capacity, item_bytes, episode_field,
                                        first_number, fields);
}

std::unique_ptr<Target> make_target(const Lanes& lanes, size_t batch_size, size_t length,
                                    const std::vector<size_t>& fields,
                                    std::vector<py::array> outputs) {
    require(batch_size > 0 && length > 0, "the batch must not be empty");
    require(fields.size() == outputs.size(), "one output per field is needed");
    auto target = std::make_unique<Target>(Target{batch_size, length, fields, {}});
    for (size_t i = 0; i < fields.size(); ++i) {
        require(fields[i] < lanes.num_fields(), "field is out of range");
        const size_t bytes = batch_size * length * lanes.item_bytes(fields[i]);
        target->outputs.push_back(write_bytes(outputs[i], bytes));
    }
    return target;
}

// A copy of `target` that records positions too.
std::unique_ptr<Target> with_positions(const Target& target, py::array history, py::array offset) {
    auto copy = std::make_unique<Target>(target);
    copy->num_positions = history.size();
    const size_t bytes = copy->num_positions * sizeof(int64_t);
    copy->history = reinterpret_cast<int64_t*>(write_bytes(history, bytes));
    copy->offset = reinterpret_cast<int64_t*>(write_bytes(offset, bytes));
    return copy;
}

// Calls task(first, last) for parts of the batch on `num_threads` threads, without the GIL; true if
// every part returned true.
template <typename Task>
bool run_parts(const Target& target, size_t num_threads, const Task& task) {
    if (num_threads == 0) throw py::type_error("num_threads must be at least 1");
    const py::gil_scoped_release release;
    if (num_threads == 1) return task(0, target.batch_size);
    std::atomic<bool> is_whole{true};
    GatherPool::instance().run(target.batch_size, num_threads, [&](size_t first, size_t last) {
        if (!task(first, last)) is_whole = false;
    });
    return is_whole;
}

bool sample(const Lanes& lanes, const WindowPlan& plan, const Target& target, uint64_t seed,
            uint64_t draw, uint64_t first_row, size_t num_threads) {
    require(plan.num_candidates() > 0, "the plan has no window");
    require(plan.length == target.length, "plan and target differ in length");
    require(target.num_positions == 0 || target.num_positions == target.batch_size,
            "positions must be one per window");
    const Gather gather(lanes, plan, target, batch_stream(seed, draw), first_row);
    return run_parts(target, num_threads,
                     [&](size_t first, size_t last) { return gather.windows(first, last); });
}

bool sample_packed(const Lanes& lanes, const WindowPlan& plan, const Target& target, uint64_t seed,
                   uint64_t draw, uint64_t first_row, size_t num_threads,
                   py::array document_start) {
    require(plan.num_candidates() > 0, "the plan has no window");
    require(plan.length == 1, "packed rows need a plan of length 1");
    const size_t num_tokens = target.batch_size * target.length;
    require(target.num_positions == 0 || target.num_positions == num_tokens,
            "positions must be one per token");
    auto* starts =
        reinterpret_cast<int32_t*>(write_bytes(document_start, num_tokens * sizeof(int32_t)));
    const Gather gather(lanes, plan, target, batch_stream(seed, draw), first_row);
    return run_parts(target, num_threads,
                     [&](size_t first, size_t last) { return gather.packed(starts, first, last); });
}

// (histories, rows) that the lanes hold.
std::pair<uint64_t, uint64_t> count_held(const Lanes& lanes) {
    const WindowPlan plan(lanes, 1, false, 0, kOpen);
    return {plan.num_histories(), plan.num_candidates()};
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.doc() =
        "Ring buffer, window gather and CPU attention in C++; used through adfast.histories and "
        "adfast.attention.";
    py::register_exception_translator([](std::exception_ptr error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::system_error& failure) {
            errno = failure.code().value();
            PyErr_SetFromErrno(PyExc_OSError);
        }
    });
    py::class_<MappedFile>(module, "MappedFile", py::buffer_protocol())
        .def(py::init<const std::string&, size_t>(), py::arg("path"), py::arg("num_bytes"))
        .def_buffer([](const MappedFile& file) {
            return py::buffer_info(static_cast<const uint8_t*>(file.data()),
                                   static_cast<py::ssize_t>(file.bytes()), true);
        });

    py::class_<FieldLimits>(module, "FieldLimits")
        .def(py::init(&make_limits), py::arg("fields"), py::arg("narrow") = false)
        .def("first_misfit", &first_misfit, py::arg("arrays"), py::arg("num_rows"),
             py::arg("row_items"), py::arg("lengths") = py::none());

    py::class_<Lanes>(module, "Lanes")
        .def("count_held", &count_held, py::call_guard<py::gil_scoped_release>())
        .def("let_continue", &let_continue, py::arg("field"), py::arg("followed"))
        .def("keep", &keep, py::arg("lane"), py::arg("rows"), py::arg("items"),
             py::keep_alive<1, 3>(), py::keep_alive<1, 4>());
    module.def("fixed_lanes", &fixed_lanes, py::arg("item_bytes"), py::arg("columns"),
               py::arg("rows"), py::arg("offsets"), py::arg("episode_starts"),
               py::keep_alive<0, 2>(), py::keep_alive<0, 5>());

    py::class_<RingBuffer>(module, "RingBuffer")
        .def(py::init(&make_ring), py::arg("num_lanes"), py::arg("capacity"), py::arg("item_bytes"),
             py::arg("episode_field"), py::arg("first_number") = 0,
             py::arg("continued") = py::none())
        .def_property_readonly("lanes", &RingBuffer::lanes,
                               py::return_value_policy::reference_internal)
        .def_property_readonly("num_staged", &RingBuffer::num_staged)
        .def("append", &append, py::arg("fields"), py::arg("starts"))
        .def("append_block", &append_block, py::arg("lanes"), py::arg("fields"),
             py::arg("max_length"), py::arg("lengths"), py::arg("starts"))
        .def("flush", &RingBuffer::flush, py::call_guard<py::gil_scoped_release>());

    py::class_<WindowPlan>(module, "WindowPlan")
        .def(py::init<const Lanes&, uint64_t, bool, uint64_t, uint64_t>(), py::arg("lanes"),
             py::arg("length"), py::arg("by_episode"), py::arg("evicted"), py::arg("committed"),
             py::call_guard<py::gil_scoped_release>())
        .def("is_current", [](const WindowPlan& plan,
                              const Lanes& lanes) { return plan.version == lanes.version(); })
        .def_readonly("longest", &WindowPlan::longest)
        .def_property_readonly("counts",
                               [](const WindowPlan& plan) {
                                   return py::make_tuple(plan.undrawn.histories, plan.undrawn.rows,
                                                         plan.held.histories, plan.held.rows);
                               })
        .def_property_readonly("num_candidates", &WindowPlan::num_candidates);

    py::class_<Target>(module, "Target")
        .def(py::init(&make_target), py::arg("lanes"), py::arg("batch_size"), py::arg("length"),
             py::arg("fields"), py::arg("outputs"), py::keep_alive<1, 6>())
        .def("with_positions", &with_positions, py::arg("history"), py::arg("offset"),
             py::keep_alive<0, 1>(), py::keep_alive<0, 2>(), py::keep_alive<0, 3>());
    module.def("sample", &sample, py::arg("lanes"), py::arg("plan"), py::arg("target"),
               py::arg("seed"), py::arg("draw"), py::arg("first_row"), py::arg("num_threads"));
    module.def("sample_packed", &sample_packed, py::arg("lanes"), py::arg("plan"),
               py::arg("target"), py::arg("seed"), py::arg("draw"), py::arg("first_row"),
               py::arg("num_threads"), py::arg("document_start"));
    bind_attention(module);
    bind_decode(module);
    bind_layers(module);
    bind_recurrent(module);
}
