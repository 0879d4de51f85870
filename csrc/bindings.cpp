// The Python face of csrc: checks sizes, passes pointers, releases the GIL.
//
// `adfast.histories` checks what users pass and words the errors; what is checked here keeps a
// mistake in adfast itself from becoming an access out of bounds. No array is copied.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "gather.hpp"
#include "gather_pool.hpp"
#include "mapped_file.hpp"
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
    const size_t num_lanes = ring.lanes.num_lanes();
    const auto rows = read_fields(ring.lanes, fields, num_lanes);
    const auto* starts_data =
        starts.is_none() ? nullptr
                         : reinterpret_cast<const uint8_t*>(
                               read_bytes(py::reinterpret_borrow<py::array>(starts), num_lanes));
    const py::gil_scoped_release release;
    ring.append(rows, starts_data);
}

void append_block(RingBuffer& ring, const std::vector<size_t>& targets,
                  const std::vector<py::array>& fields, size_t max_length,
                  const py::array_t<uint64_t>& lengths, const py::array_t<bool>& starts) {
    const size_t count = targets.size();
    const auto columns = read_fields(ring.lanes, fields, count * max_length);
    const auto* lengths_data =
        reinterpret_cast<const uint64_t*>(read_bytes(lengths, count * sizeof(uint64_t)));
    const auto* starts_data = reinterpret_cast<const uint8_t*>(read_bytes(starts, count));
    for (size_t i = 0; i < count; ++i) {
        require(targets[i] < ring.lanes.num_lanes(), "lane is out of range");
        require(lengths_data[i] <= std::min<uint64_t>(max_length, ring.lanes.lane(0).capacity),
                "length exceeds the block or the capacity");
    }
    const py::gil_scoped_release release;
    ring.append_block(targets, columns, max_length, lengths_data, starts_data);
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
    auto lanes = std::make_unique<Lanes>(num_lanes, item_bytes, num_histories + 1);
    for (size_t i = 0; i < num_lanes; ++i) {
        Lane& lane = lanes->lane(i);
        const auto data = read_fields(*lanes, columns[i], rows[i]);
        for (size_t field = 0; field < data.size(); ++field) {
            lanes->set_column(i, field, const_cast<std::byte*>(data[field]));
        }
        lane.capacity = rows[i];
        lane.reserved = rows[i];
        lane.committed = rows[i];
        if (!episode_starts[i].is_none()) {
            const auto starts = py::reinterpret_borrow<py::array>(episode_starts[i]);
            const auto* data = read_bytes(starts, starts.size() * sizeof(uint64_t));
            lane.episodes.borrow(reinterpret_cast<const uint64_t*>(data), starts.size());
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

Batch make_batch(const Lanes& lanes, const WindowPlan& plan, uint64_t stream, size_t batch_size,
                 size_t length, const std::vector<size_t>& fields,
                 std::vector<py::array>& outputs) {
    require(batch_size > 0 && plan.num_candidates() > 0, "there is no window to copy");
    require(fields.size() == outputs.size(), "one output per field is needed");
    Batch batch{lanes, plan, stream, length, fields, {}};
    for (size_t i = 0; i < fields.size(); ++i) {
        require(fields[i] < lanes.num_fields(), "field is out of range");
        const size_t bytes = batch_size * length * lanes.item_bytes(fields[i]);
        batch.outputs.push_back(write_bytes(outputs[i], bytes));
    }
    return batch;
}

void set_positions(Batch& batch, py::object& history, py::object& offset, size_t count) {
    if (history.is_none()) return;
    auto history_array = py::reinterpret_borrow<py::array>(history);
    auto offset_array = py::reinterpret_borrow<py::array>(offset);
    const size_t bytes = count * sizeof(int64_t);
    batch.history = reinterpret_cast<int64_t*>(write_bytes(history_array, bytes));
    batch.offset = reinterpret_cast<int64_t*>(write_bytes(offset_array, bytes));
}

void sample(const Lanes& lanes, const WindowPlan& plan, uint64_t seed, uint64_t draw,
            uint64_t rank, size_t batch_size, const std::vector<size_t>& fields,
            std::vector<py::array> outputs, py::object history, py::object offset,
            size_t num_threads) {
    Batch batch = make_batch(lanes, plan, batch_stream(seed, draw, rank), batch_size, plan.length,
                             fields, outputs);
    set_positions(batch, history, offset, batch_size);
    const py::gil_scoped_release release;
    GatherPool::instance().run(batch_size, num_threads, [&](size_t first, size_t last) {
        gather_windows(batch, first, last);
    });
}

void sample_packed(const Lanes& lanes, const WindowPlan& plan, uint64_t seed, uint64_t draw,
                   uint64_t rank, size_t batch_size, size_t length,
                   const std::vector<size_t>& fields, std::vector<py::array> outputs,
                   py::array document_start, py::object history, py::object offset,
                   size_t num_threads) {
    require(plan.length == 1, "packed rows need a plan of length 1");
    const size_t count = batch_size * length;
    Batch batch = make_batch(lanes, plan, batch_stream(seed, draw, rank), batch_size, length,
                             fields, outputs);
    set_positions(batch, history, offset, count);
    auto* starts = reinterpret_cast<int32_t*>(write_bytes(document_start, count * sizeof(int32_t)));
    const py::gil_scoped_release release;
    GatherPool::instance().run(batch_size, num_threads, [&](size_t first, size_t last) {
        gather_packed(batch, starts, first, last);
    });
}

// (histories, rows) that the lanes hold.
std::pair<uint64_t, uint64_t> count_held(const Lanes& lanes) {
    const WindowPlan plan(lanes, 1, false, kOpen);
    return {plan.entries().size(), plan.num_candidates()};
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.doc() = "Ring buffer and window gather in C++; used through adfast.histories.";
    py::register_exception<Overwritten>(module, "Overwritten", PyExc_RuntimeError);

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

    py::class_<Lanes>(module, "Lanes")
        .def_property_readonly("version", &Lanes::version)
        .def_property_readonly("num_begun",
                               [](const Lanes& lanes) { return lanes.table.num_begun(); })
        .def("count_held", &count_held, py::call_guard<py::gil_scoped_release>());
    module.def("fixed_lanes", &fixed_lanes, py::arg("item_bytes"), py::arg("columns"),
               py::arg("rows"), py::arg("offsets"), py::arg("episode_starts"),
               py::keep_alive<0, 2>(), py::keep_alive<0, 5>());

    py::class_<RingBuffer>(module, "RingBuffer")
        .def(py::init<size_t, uint64_t, std::vector<size_t>, int>(), py::arg("num_lanes"),
             py::arg("capacity"), py::arg("item_bytes"), py::arg("episode_field"))
        .def_property_readonly(
            "lanes", [](RingBuffer& ring) -> Lanes& { return ring.lanes; },
            py::return_value_policy::reference_internal)
        .def_property_readonly("num_staged", &RingBuffer::num_staged)
        .def("append", &append, py::arg("fields"), py::arg("starts"))
        .def("append_block", &append_block, py::arg("lanes"), py::arg("fields"),
             py::arg("max_length"), py::arg("lengths"), py::arg("starts"))
        .def("flush", &RingBuffer::flush, py::call_guard<py::gil_scoped_release>());

    py::class_<WindowPlan>(module, "WindowPlan")
        .def(py::init<const Lanes&, uint64_t, bool, uint64_t>(), py::arg("lanes"),
             py::arg("length"), py::arg("by_episode"), py::arg("committed"),
             py::call_guard<py::gil_scoped_release>())
        .def_readonly("version", &WindowPlan::version)
        .def_readonly("longest", &WindowPlan::longest)
        .def_property_readonly("num_candidates", &WindowPlan::num_candidates);

    module.def("sample", &sample, py::arg("lanes"), py::arg("plan"), py::arg("seed"),
               py::arg("draw"), py::arg("rank"), py::arg("batch_size"), py::arg("fields"),
               py::arg("outputs"), py::arg("history"), py::arg("offset"), py::arg("num_threads"));
    module.def("sample_packed", &sample_packed, py::arg("lanes"), py::arg("plan"),
               py::arg("seed"), py::arg("draw"), py::arg("rank"), py::arg("batch_size"),
               py::arg("length"), py::arg("fields"), py::arg("outputs"),
               py::arg("document_start"), py::arg("history"), py::arg("offset"),
               py::arg("num_threads"));
}
