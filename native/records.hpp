// What crosses from Python: records with named fields. Each checks here, when it is made, all that can be known without
// a program; what depends on the program is checked in program.hpp (layers) and native_program.hpp (calls).
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "buffers.hpp"
#include "core.hpp"

namespace pellucid {

inline void check(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

inline bool is_finite(const double* numbers, Index count) {
    return std::all_of(numbers, numbers + count, [](double number) { return std::isfinite(number); });
}
inline bool is_finite(const std::vector<double>& numbers) {
    return is_finite(numbers.data(), static_cast<Index>(numbers.size()));
}

template <typename T> bool are_weights(const T* numbers, Index count) {
    return std::all_of(numbers, numbers + count, [](T number) { return number >= T(0) && std::isfinite(number); });
}

inline ParameterSpec make_parameter(Index start, Index rows, Index columns, bool penalized) {
    Index count = 0;
    check(start >= 0 && rows >= 0 && columns >= 0 && start <= largest_count &&
              !__builtin_mul_overflow(rows, columns, &count) && count <= largest_count,
          "a parameter's start, rows and columns must be at least 0, and its numbers at most 2**40");
    return {start, rows, columns, penalized};
}

// A matrix of `positions` rows (of each example) and `width` columns.
inline void check_size(Index width, Index positions) {
    check(width >= 1 && width <= largest_width, "an input and an output have from 1 to 2**28 channels");
    check(positions >= 1 && positions <= largest_width / width, "an input and an output have from 1 to 2**28 numbers");
}

struct LayerRecord {
    LayerRecord(std::string kernel, Index index, Index inputs, Index outputs, Index positions, Index output_positions,
                std::vector<Index> sources, std::vector<double> numbers, std::vector<ParameterSpec> parameters,
                std::vector<Index> statistics, bool scheduled)
        : kernel(std::move(kernel)), index(index), inputs(inputs), outputs(outputs), positions(positions),
          output_positions(output_positions), sources(std::move(sources)), numbers(std::move(numbers)),
          parameters(std::move(parameters)), statistics(std::move(statistics)), scheduled(scheduled) {
        check(index >= 0 && index <= Index{0xFFFFFFFF}, "a layer's index must be at least 0 and below 2**32");
        check_size(inputs, positions);
        check_size(outputs, output_positions);
        check(!this->sources.empty() && this->sources.size() <= 1024, "a layer reads from 1 to 1024 buffers");
        check(this->parameters.size() <= most_parameters && this->statistics.size() <= most_statistics,
              "a layer has at most 4 parameters and 4 statistics");
        check(is_finite(this->numbers), "the numbers of a layer must be finite");
    }

    std::string kernel;
    Index index;  // of its random stream
    Index inputs, outputs, positions, output_positions;
    std::vector<Index> sources;
    std::vector<double> numbers;
    std::vector<ParameterSpec> parameters;
    std::vector<Index> statistics;
    bool scheduled;  // whether a task has its numbers at each step
};

// z = (x − mean)·scale + offset, then z/√(1 + (z/limit)²); limit 0: not.
struct ScalingRecord {
    ScalingRecord(std::vector<double> mean, std::vector<double> scale, std::vector<double> offset, double limit)
        : mean(std::move(mean)), scale(std::move(scale)), offset(std::move(offset)), limit(limit) {
        check(this->mean.size() == this->scale.size() && this->mean.size() == this->offset.size(),
              "mean, scale and offset must have a number for each input");
        check(limit >= 0.0 && std::isfinite(limit), "the limit of the inputs must be a finite number of at least 0");
    }

    std::vector<double> mean, scale, offset;
    double limit;
};

// A loss, penalty or optimizer.
struct PartRecord {
    PartRecord(std::string kernel, std::vector<double> numbers)
        : kernel(std::move(kernel)), numbers(std::move(numbers)) {
        check(this->numbers.size() <= most_numbers, "a part has too many numbers");
        check(is_finite(this->numbers), "the numbers of a part must be finite");
    }

    std::string kernel;
    std::vector<double> numbers;
};

inline UpdateOptions make_update_options(double clip_value, double clip_norm, double max_norm,
                                         std::optional<double> average) {
    const double limits[] = {clip_value, clip_norm, max_norm};
    check(are_weights(limits, 3), "clip_value, clip_norm and max_norm must be finite numbers of at least 0");
    check(!average || (*average >= 0.0 && *average < 1.0), "average must be at least 0 and below 1, or None");
    return {clip_value, clip_norm, max_norm, average.value_or(-1.0), 0.0};
}

inline TrainingPosition make_position(Index epoch, Index batch, std::int64_t step, double loss_sum, double weight_sum,
                                      double correct_sum) {
    check(epoch >= 0 && batch >= 0 && step >= 0, "epoch, batch and step must not be negative");
    return {epoch, batch, step, loss_sum, weight_sum, correct_sum};
}

// The caller's own arrays, held as long as the record lives. The core takes them row by row.
class ExamplesRecord {
public:
    // For a program whose input has `columns` numbers, and whose scores `outputs` at each of `positions`.
    ExamplesRecord(nb::handle x, nb::handle classes, nb::handle targets, nb::handle weights, Index columns,
                   Index positions, Index outputs)
        : columns(columns), positions(positions), outputs(outputs), x_(x, "x"), classes_(maybe(classes, "classes")),
          targets_(maybe(targets, "targets")), weights_(maybe(weights, "sample_weight")) {
        check_size(outputs, positions);
        examples_.x = x_.matrix(columns);
        const Index rows = examples_.x.rows;
        check(rows >= 1, "there must be at least one row");
        check(!classes_ != !targets_, "there must be either classes or targets");
        if (classes_) {
            const Index count = rows * positions;
            examples_.classes = classes_->vector<std::int64_t>(Kind::int64, count);
            for (Index i = 0; i < count; ++i)
                check(examples_.classes[i] >= 0 && examples_.classes[i] < outputs, "a class is out of range");
        } else {
            examples_.targets = targets_->matrix(positions * outputs);
            check(examples_.targets.rows == rows, "x and targets must have as many rows");
        }
        if (!weights_) return;
        examples_.weights = weights_->vector<double>(Kind::float64, rows);
        check(are_weights(examples_.weights, rows), "sample_weight must hold finite numbers of at least 0");
    }

    const Examples& examples() const { return examples_; }
    Index rows() const { return examples_.x.rows; }
    Buffers buffers() const { return {&x_, classes_.get(), targets_.get(), weights_.get()}; }

    const Index columns, positions, outputs;

private:
    Buffer x_;
    std::unique_ptr<Buffer> classes_, targets_, weights_;
    Examples examples_{};
};

// The numbers of a state: one for each parameter in all but the last, which the layers measure.
class VectorsRecord {
public:
    VectorsRecord(nb::handle parameters, const std::vector<nb::object>& slots, nb::handle average,
                  nb::handle statistics, bool writable)
        : is_writable(writable), parameters(parameters, "parameters", writable),
          average(maybe(average, "average", writable)), statistics(statistics, "statistics", writable) {
        for (const nb::object& slot : slots) this->slots.push_back(std::make_unique<Buffer>(slot, "slots", writable));
    }

    void add_to(Buffers& all) const {
        all.insert(all.end(), {&parameters, average.get(), &statistics});
        for (const auto& slot : slots) all.push_back(slot.get());
    }

    const bool is_writable;
    Buffer parameters;
    std::vector<std::unique_ptr<Buffer>> slots;
    std::unique_ptr<Buffer> average;  // null: none
    Buffer statistics;
};

// All that stays the same from epoch to epoch: see `Task` of the Python engines. The examples must outlive it.
class TrainTaskRecord {
public:
    TrainTaskRecord(const ExamplesRecord& examples, PartRecord loss, std::optional<PartRecord> penalty,
                    PartRecord optimizer, UpdateOptions options, const std::string& link, nb::handle rate_factors,
                    Index batch_size, bool shuffle, std::uint64_t seed, bool penalty_per_example, bool penalty_in_loss)
        : examples(examples), loss(std::move(loss)), penalty(std::move(penalty)), optimizer(std::move(optimizer)),
          options(options), rate_factors(maybe(rate_factors, "rate_factors")), batch_size(batch_size), shuffle(shuffle),
          seed(seed), penalty_per_example(penalty_per_example), penalty_in_loss(penalty_in_loss) {
        check(batch_size >= 1 && batch_size <= examples.rows(),
              "batch_size must be at least 1 and at most the number of rows");
        this->link = link == "largest" ? Link::largest : link == "sigmoid" ? Link::sigmoid : Link::identity;
        check(this->link != Link::identity || link == "identity", "link must be identity, sigmoid or largest");
        this->options.rate_factors = this->rate_factors ? 1.0 : 0.0;
    }

    Index batches() const { return (examples.rows() + batch_size - 1) / batch_size; }

    const ExamplesRecord& examples;
    PartRecord loss;
    std::optional<PartRecord> penalty;
    PartRecord optimizer;
    UpdateOptions options;
    Link link;
    std::unique_ptr<Buffer> rate_factors;  // null: none
    Index batch_size;
    bool shuffle;
    std::uint64_t seed;
    bool penalty_per_example, penalty_in_loss;
};

// What schedules give for each step of a call.
class SchedulesRecord {
public:
    // A vector with a number for each step, or a single one for all of them.
    struct Vector {
        Vector(nb::handle array, const char* name) : buffer(array, name) {
            check(buffer.dimensions() == 1, "rates and decays must be vectors");
            count = buffer.size(0);
            numbers = buffer.vector<double>(Kind::float64, count);
            check(is_finite(numbers, count), "rates and decays must be finite");
        }
        Buffer buffer;
        Index count;
        const double* numbers;
    };

    SchedulesRecord(nb::handle rates, nb::handle decays, nb::handle layers)
        : rates(rates, "rates"), decays(decays, "decays"), layers(maybe(layers, "layers")) {}

    Vector rates, decays;
    std::unique_ptr<Buffer> layers;  // the numbers of scheduled layers, one step after the other; null: none
};

struct TrainResult {
    const char* stopped;  // as `Outcome` has it
    Index finished;
    TrainingPosition position;
    std::optional<TrainingPosition> safe;  // none: no epoch began with a finite loss
};

}  // namespace pellucid
