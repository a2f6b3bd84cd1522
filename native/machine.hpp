// A machine: a program and the memory it runs in, for one type of number.
//
// Contract. The program is fixed; loss, penalty, optimizer and batch size may change from call to call, and the memory
// is laid out anew when they do. One call at a time, each in its `Turn`, without the GIL. Whatever comes in from Python is
// checked here, so that the core need not.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "buffers.hpp"
#include "cores.hpp"
#include "threads.hpp"

namespace pellucid {

// name, index of the random stream, inputs, outputs, numbers, parameters (start, rows, columns, penalized), statistics
using ParameterLine = std::tuple<Index, Index, Index, bool>;
using LayerLine = std::tuple<std::string, Index, Index, Index, std::vector<double>, std::vector<ParameterLine>,
                             std::vector<Index>>;
using PartLine = std::optional<std::tuple<std::string, std::vector<double>>>;

inline void check(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

constexpr Index largest_width = Index{1} << 28;
// Of parameters: no size that follows from it overflows, padding and all.
constexpr Index largest_count = Index{1} << 40;

inline bool is_finite(const double* numbers, Index count) {
    return std::all_of(numbers, numbers + count, [](double number) { return std::isfinite(number); });
}

// The row of a name in a table of the core. A name with a zero in it is none, however it begins.
inline int find_row(int (*find)(const char*), const std::string& name, const char* family) {
    const int row = name.find('\0') == std::string::npos ? find(name.c_str()) : -1;
    if (row < 0) throw nb::value_error(("the native engine has no " + std::string(family) + " " + name).c_str());
    return row;
}

// The memory of one run: one allocation, zeroed by the system where it can be.
class Memory {
public:
    Memory() = default;
    ~Memory() { std::free(block_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    template <typename T> void* lay_out(const Entries<T>& entries, const ProgramSpec& spec) {
        Arena arena{nullptr, 0, false};
        entries.lay_out(spec, arena);
        std::free(block_);
        block_ = nullptr;
        if (arena.too_large) throw std::bad_alloc();
        block_ = std::calloc(arena.used + 64, 1);
        if (!block_) throw std::bad_alloc();
        const auto address = reinterpret_cast<std::uintptr_t>(block_);
        arena = {reinterpret_cast<char*>((address + 63) / 64 * 64), 0, false};
        return entries.lay_out(spec, arena);
    }

private:
    void* block_ = nullptr;
};

// What the calls of a machine share, and whose turn it is.
struct Workplace {
    std::mutex lock;
    std::atomic<int> calls{0};                 // at work or waiting
    std::atomic<std::thread::id> at_work{{}};  // the thread that holds the lock
    unsigned forks = forks_so_far();           // when the last call came

    std::vector<std::unique_ptr<Memory>> prediction;  // a run for each thread: it has activations of its own
    std::vector<void*> prediction_runs;
    PyObject* loaded = nullptr;  // the parameters that are packed in the first of prediction_runs
    Memory training;
    void* training_run = nullptr;
    ProgramSpec training_spec{};

    ~Workplace() { Py_XDECREF(loaded); }
};

// A call's turn at a machine: alone, and without the GIL. A signal handler that calls the machine whose work it
// interrupts is refused, since it would wait for itself. A workplace that was forked in the middle of a call, whose
// thread does not exist in the child, is left as it lies, and another one taken.
class Turn {
public:
    explicit Turn(std::unique_ptr<Workplace>& place) : place_(come(place)), guard_(place_.lock) {
        place_.at_work.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    ~Turn() {
        place_.at_work.store({}, std::memory_order_relaxed);
        place_.calls.fetch_sub(1, std::memory_order_relaxed);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    static Workplace& come(std::unique_ptr<Workplace>& place) {
        if (place->forks != forks_so_far() && place->calls.load(std::memory_order_relaxed) != 0) {
            auto fresh = std::make_unique<Workplace>();
            place.release();
            place = std::move(fresh);
        }
        if (place->at_work.load(std::memory_order_relaxed) == std::this_thread::get_id())
            throw std::runtime_error("the native engine is at work for this network, in the call that was interrupted by "
                                     "this one: ask again when it has ended");
        place->forks = forks_so_far();
        place->calls.fetch_add(1, std::memory_order_relaxed);
        return *place;
    }

    Workplace& place_;
    const nb::gil_scoped_release release_;
    const std::lock_guard<std::mutex> guard_;
};

class Program {
public:
    Program(Index inputs, Index outputs, Index parameter_count, const std::vector<LayerLine>& lines,
            std::vector<double> statistics, std::vector<double> mean, std::vector<double> scale,
            std::vector<double> offset, double limit, const std::vector<Index>& scheduled)
        : core_(best_core()), statistics_(std::move(statistics)), mean_(std::move(mean)), scale_(std::move(scale)),
          offset_(std::move(offset)) {
        check(inputs >= 1 && outputs >= 1 && inputs <= largest_width && outputs <= largest_width,
              "a program needs at least one input and one output, and at most 2**28");
        check(parameter_count >= 0, "parameter_count must not be negative");
        check(parameter_count <= largest_count, "parameter_count must be at most 2**40");
        spec_.inputs = inputs;
        spec_.outputs = outputs;
        spec_.parameter_count = parameter_count;
        Index width = inputs;
        for (const LayerLine& line : lines) {
            layers_.push_back(read_layer(line));
            check(layers_.back().inputs == width, "a layer's inputs are not the outputs of the one before");
            width = layers_.back().outputs;
        }
        for (const Index place : scheduled) {
            check(place >= 0 && place < static_cast<Index>(lines.size()) &&
                      std::get<0>(lines[static_cast<std::size_t>(place)]) == "dropout",
                  "only dropout has numbers that change from step to step");
            layers_[static_cast<std::size_t>(place)].scheduled = scheduled_width_;
            scheduled_width_ += 2;
        }
        check(width == outputs, "the last layer's outputs are not the program's");
        check_layout();
        spec_.layers = layers_.data();
        spec_.layer_count = static_cast<Index>(layers_.size());
        spec_.statistics = statistics_.data();
        spec_.statistic_count = static_cast<Index>(statistics_.size());
        const std::size_t columns = static_cast<std::size_t>(inputs);
        check(mean_.size() == scale_.size() && mean_.size() == offset_.size() &&
                  (mean_.empty() || mean_.size() == columns),
              "the scaling of the inputs must have a number for each of them");
        spec_.mean = mean_.empty() ? nullptr : mean_.data();
        spec_.scale = scale_.data();
        spec_.offset = offset_.data();
        spec_.limit = limit;
        check(limit >= 0.0 && std::isfinite(limit), "the limit of the inputs must be a finite number of at least 0");
        spec_.loss = spec_.penalty = spec_.optimizer = PartSpec{-1, {}};
        spec_.around.average = -1.0;
        spec_.link = Link::identity;
    }

    const Core& core() const { return core_; }
    const ProgramSpec& spec() const { return spec_; }

    // How many numbers of its layers change from step to step.
    Index scheduled_width() const { return scheduled_width_; }

    // Multiplications and additions for one row.
    Index work_of_row() const {
        Index sum = 0;
        for (const LayerSpec& layer : layers_)
            for (int p = 0; p < layer.parameter_count; ++p)
                sum += layer.parameters[p].rows * layer.parameters[p].columns;
        return sum;
    }

    static PartSpec read_part(const PartLine& line, int (*find)(const char*), const char* family) {
        PartSpec part{-1, {}};
        if (!line) return part;
        const auto& [name, numbers] = *line;
        part.code = find_row(find, name, family);
        check(numbers.size() <= most_numbers, "a part has too many numbers");
        check(is_finite(numbers.data(), static_cast<Index>(numbers.size())), "the numbers of a part must be finite");
        for (std::size_t i = 0; i < numbers.size(); ++i) part.numbers[i] = numbers[i];
        return part;
    }

private:
    LayerSpec read_layer(const LayerLine& line) {
        const auto& [name, number, inputs, outputs, numbers, parameters, statistics] = line;
        LayerSpec layer{};
        layer.code = find_row(core_.find_layer, name, "layer");
        check(number >= 0 && number <= Index{0xFFFFFFFF}, "a layer's index must be at least 0 and below 2**32");
        layer.number = number;
        layer.inputs = inputs;
        layer.outputs = outputs;
        check(inputs >= 1 && outputs >= 1 && inputs <= largest_width && outputs <= largest_width,
              "a layer needs at least one input and one output, and at most 2**28");
        check(name == "dense" || name == "dense_ntk" || name == "maxout" || name == "periodic_embedding" ||
                  name == "embedding" || inputs == outputs,
              "this layer has as many outputs as inputs");
        check((numbers.size() <= most_numbers || name == "embedding") && parameters.size() <= most_parameters &&
                  statistics.size() <= most_statistics,
              "a layer has too many numbers, parameters or statistics");
        check(is_finite(numbers.data(), static_cast<Index>(numbers.size())), "the numbers of a layer must be finite");
        numbers_.emplace_back(numbers);
        numbers_.back().resize(std::max(numbers.size(), std::size_t{most_numbers}));
        layer.numbers = numbers_.back().data();
        layer.number_count = static_cast<Index>(numbers.size());
        layer.scheduled = -1;
        layer.parameter_count = static_cast<int>(parameters.size());
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const auto& [start, rows, columns, penalized] = parameters[i];
            Index count = 0, end = 0;
            check(start >= 0 && rows >= 0 && columns >= 0 && !__builtin_mul_overflow(rows, columns, &count) &&
                      !__builtin_add_overflow(start, count, &end) && end <= spec_.parameter_count,
                  "a layer's parameters lie outside the flat vector");
            layer.parameters[i] = {start, rows, columns, penalized};
        }
        check_parameters(name, layer);
        const bool has_two = name == "standardize" || name == "robust_scale" || name == "batch_normalization";
        check(statistics.size() == (has_two ? 2 : 0),
              "standardize, robust_scale and batch_normalization need two statistics, others none");
        layer.statistic_count = static_cast<int>(statistics.size());
        for (std::size_t i = 0; i < statistics.size(); ++i) {
            check(statistics[i] >= 0 && statistics[i] <= static_cast<Index>(statistics_.size()) - inputs,
                  "a layer's statistics lie outside the flat vector");
            layer.statistics[i] = statistics[i];
        }
        return layer;
    }

    // The parameters of all layers lie one behind the other and fill the flat vector; no two statistics overlap.
    void check_layout() const {
        Index next = 0, statistic = 0;
        for (const LayerSpec& layer : layers_) {
            for (int p = 0; p < layer.parameter_count; ++p) {
                check(layer.parameters[p].start == next, "a layer's parameters must begin where those before them end");
                next += layer.parameters[p].rows * layer.parameters[p].columns;
            }
            for (int s = 0; s < layer.statistic_count; ++s) {
                check(layer.statistics[s] >= statistic, "a layer's statistics must lie behind those before them");
                statistic = layer.statistics[s] + layer.inputs;
            }
        }
        check(next == spec_.parameter_count, "the layers must have as many parameters as the flat vector");
    }

    static void check_parameters(const std::string& name, const LayerSpec& layer) {
        const int count = layer.parameter_count;
        const auto is = [&](int p, Index rows, Index columns) {
            return layer.parameters[p].rows == rows && layer.parameters[p].columns == columns;
        };
        if (name == "dense" || name == "dense_ntk") {
            check(count >= 1 && count <= 2, "a dense layer has a weight and may have a bias");
            check(is(0, layer.inputs, layer.outputs), "a dense layer's weight must have the shape (inputs, outputs)");
            check(count < 2 || is(1, 1, layer.outputs), "a dense layer's bias must have a number for each output");
        } else if (name == "maxout") {
            const double pieces = layer.numbers[0];
            check(pieces >= 1.0 && pieces <= 65536.0 && pieces == std::floor(pieces) &&
                      pieces * static_cast<double>(layer.outputs) <= static_cast<double>(largest_width),
                  "maxout needs a whole number of pieces, and at most 2**28 of them in all");
            const Index columns = layer.outputs * static_cast<Index>(pieces);
            check(count == 2 && is(0, layer.inputs, columns) && is(1, 1, columns),
                  "maxout has a weight of the shape (inputs, outputs * pieces) and a bias");
        } else if (name == "prelu") {
            check(count == 1 && (is(0, 1, 1) || is(0, 1, layer.outputs)), "prelu has one slope, or one for each output");
        } else if (name == "periodic_embedding") {
            const Index rows = layer.parameters[0].rows, waves = layer.parameters[0].columns;
            const Index more = layer.parameters[3].columns;
            Index mixture = 0, columns = 0;
            check(count == 4 && rows >= 1 && rows <= layer.inputs && waves >= 1 && more >= 1 &&
                      !__builtin_mul_overflow(waves, more, &mixture) && !__builtin_mul_overflow(rows, more, &columns) &&
                      is(1, rows, waves) && is(2, rows, mixture) && is(3, rows, more) &&
                      layer.outputs - layer.inputs == columns,
                  "periodic_embedding has frequencies and phases, a mixture and its bias for each of its numbers");
        } else if (name == "embedding") {
            double rows = 0.0;
            for (Index c = 0; c < layer.number_count; ++c) {
                check(layer.numbers[c] >= 1.0 && layer.numbers[c] <= 0x1p24 &&
                          layer.numbers[c] == std::floor(layer.numbers[c]),
                      "an embedding's cardinalities are whole numbers from 1 to 2**24");
                rows += layer.numbers[c];
            }
            const Index codes = layer.number_count, size = layer.parameters[0].columns;
            Index columns = 0;
            check(count == 1 && codes >= 1 && codes <= layer.inputs && size >= 1 &&
                      static_cast<double>(layer.parameters[0].rows) == rows &&
                      !__builtin_mul_overflow(codes, size, &columns) &&
                      layer.outputs == layer.inputs - codes + columns,
                  "an embedding has a vector for each code of its last columns");
        } else if (name == "scale" || name.rfind("parametric_", 0) == 0) {
            check(count == 1 && is(0, 1, layer.outputs), "this layer has one parameter for each output");
        } else if (name == "batch_normalization" || name == "layer_normalization") {
            check(count == 2 && is(0, 1, layer.outputs) && is(1, 1, layer.outputs),
                  "a normalization has a scale and a shift for each output");
        } else {
            check(count == 0, "this layer has no parameters");
        }
        check(name != "dropout" || (layer.numbers[0] >= 0.0 && layer.numbers[0] <= 0x1p32),
              "dropout compares words of 32 bits with a threshold from 0 to 2**32");
    }

    const Core& core_;
    std::vector<double> statistics_, mean_, scale_, offset_;
    std::vector<std::vector<double>> numbers_;  // of each layer
    std::vector<LayerSpec> layers_;
    Index scheduled_width_ = 0;
    ProgramSpec spec_{};
};

}  // namespace pellucid
