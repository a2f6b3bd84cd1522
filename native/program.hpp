// A program as records from Python describe it: checked, so that the core need not, and planned.
//
// Contract. What a layer may look like is its own to say (`check_layer` of the core): here it is known by its row in
// the core's table alone. The descriptions lie in the program, and stay as they are.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cores.hpp"
#include "plan.hpp"
#include "records.hpp"

namespace pellucid {

// The row of a name in a table of the core. A name with a zero in it is none, however it begins.
inline int find_row(int (*find)(const char*), const std::string& name, const char* family) {
    const int row = name.find('\0') == std::string::npos ? find(name.c_str()) : -1;
    if (row < 0) throw nb::value_error(("the native engine has no " + std::string(family) + " " + name).c_str());
    return row;
}

inline PartSpec part_spec(const PartRecord& part, int (*find)(const char*), const char* family) {
    PartSpec spec{find_row(find, part.kernel, family), {}};
    std::copy(part.numbers.begin(), part.numbers.end(), spec.numbers);
    return spec;
}

class CheckedProgram {
public:
    CheckedProgram(Index inputs, Index positions, Index outputs, Index parameter_count, std::vector<LayerRecord> layers,
                   std::vector<double> statistics, std::optional<ScalingRecord> scaling)
        : core_(best_core()), records_(std::move(layers)), statistics_(std::move(statistics)),
          scaling_(std::move(scaling)) {
        check_size(inputs, positions);
        check(parameter_count >= 0 && parameter_count <= largest_count,
              "parameter_count must be at least 0 and at most 2**40");
        check(!scaling_ || scaling_->mean.size() == static_cast<std::size_t>(inputs),
              "mean, scale and offset must have a number for each input");
        for (const LayerRecord& record : records_) layers_.push_back(layer_spec(record));
        connect({inputs, positions, 0}, outputs);
        check_layout(parameter_count);
        fill(inputs, positions, outputs, parameter_count);
        for (std::size_t l = 0; l < layers_.size(); ++l)
            if (const char* wrong = core_.check_layer(layers_[l])) refuse(l, wrong);
        plan_.emplace(spec_, layers_.data(), core_);
    }
    CheckedProgram(const CheckedProgram&) = delete;
    CheckedProgram& operator=(const CheckedProgram&) = delete;

    const Core& core() const { return core_; }
    const ProgramSpec& spec() const { return spec_; }

    // How many numbers of its layers change from step to step.
    Index scheduled_width() const { return scheduled_width_; }

    // The numbers of layers at each step, which a task has.
    void check_scheduled(const double* numbers, Index steps) const {
        for (const LayerSpec& layer : layers_)
            for (Index step = 0; layer.scheduled >= 0 && step < steps; ++step) {
                const double* of_step = numbers + step * scheduled_width_ + layer.scheduled;
                if (const char* wrong = core_.check_numbers(layer.code, of_step))
                    refuse(static_cast<std::size_t>(&layer - layers_.data()), wrong);
            }
    }

    // Multiplications and additions for one example.
    double work_of_row() const {
        double sum = 0.0;
        for (const LayerSpec& layer : layers_)
            for (int p = 0; p < layer.parameter_count; ++p)
                sum += static_cast<double>(layer.parameters[p].rows * layer.parameters[p].columns *
                                           layer.output_positions);
        return sum;
    }

    // The most positions that a matrix has.
    Index most_positions() const {
        Index most = spec_.positions;
        for (const LayerSpec& layer : layers_) most = std::max(most, layer.output_positions);
        return most;
    }

private:
    [[noreturn]] void refuse(std::size_t layer, const char* wrong) const {
        const std::string name = "layer " + std::to_string(layer) + ", " + records_[layer].kernel;
        throw nb::value_error((name + ": " + wrong).c_str());
    }

    LayerSpec layer_spec(const LayerRecord& record) {
        LayerSpec layer{};
        layer.code = find_row(core_.find_layer, record.kernel, "layer");
        layer.number = record.index;
        layer.inputs = record.inputs, layer.outputs = record.outputs;
        layer.positions = record.positions, layer.output_positions = record.output_positions;
        layer.numbers = record.numbers.data();
        layer.number_count = static_cast<Index>(record.numbers.size());
        layer.parameter_count = static_cast<int>(record.parameters.size());
        std::copy(record.parameters.begin(), record.parameters.end(), layer.parameters);
        layer.statistic_count = static_cast<int>(record.statistics.size());
        std::copy(record.statistics.begin(), record.statistics.end(), layer.statistics);
        layer.scheduled = -1;
        return layer;
    }

    // A layer reads buffers that are written before it, of the sizes it expects; and all but the last are read.
    void connect(MatrixSpec input, Index outputs) {
        std::vector<MatrixSpec> buffers{input};
        std::vector<char> read(layers_.size() + 1);
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            LayerSpec& layer = layers_[l];
            const bool joins = core_.traits(layer.code).joins;
            const std::vector<Index>& sources = records_[l].sources;
            if (joins != (sources.size() > 1))
                refuse(l, joins ? "it joins at least two buffers" : "it reads one buffer");
            for (const Index source : sources) {
                if (source < 0 || source > static_cast<Index>(l))
                    refuse(l, "it reads a buffer that is not written before it");
                const MatrixSpec& buffer = buffers[static_cast<std::size_t>(source)];
                if (buffer.positions != layer.positions)
                    refuse(l, "its positions are not those of the buffer it reads");
                sources_.push_back({source, buffer.width, -1, -1, -1});
                read[static_cast<std::size_t>(source)] = 1;
            }
            if (buffers[static_cast<std::size_t>(sources[0])].width != layer.inputs)
                refuse(l, "its inputs are not the outputs of the layer it reads");
            layer.source_count = static_cast<int>(sources.size());
            buffers.push_back({layer.outputs, layer.output_positions, 0});
        }
        check(std::all_of(read.begin(), read.end() - 1, [](char is_read) { return is_read != 0; }),
              "every buffer but the last must be read by a layer");
        check(buffers.back().width == outputs, "the last layer's outputs are not the program's");
        SourceSpec* next = sources_.data();
        for (LayerSpec& layer : layers_) layer.sources = next, next += layer.source_count;
    }

    // The parameters of all layers lie one behind the other and fill the flat vector; no two statistics overlap; and
    // the numbers that schedules move have places in their table.
    void check_layout(Index parameter_count) {
        Index next = 0, statistic = 0;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            LayerSpec& layer = layers_[l];
            for (int p = 0; p < layer.parameter_count; ++p) {
                const ParameterSpec& parameter = layer.parameters[p];
                if (parameter.start != next) refuse(l, "its parameters must begin where those before them end");
                next += parameter.rows * parameter.columns;
                if (next > parameter_count) refuse(l, "its parameters lie outside the flat vector");
            }
            for (int s = 0; s < layer.statistic_count; ++s) {
                if (layer.statistics[s] < statistic) refuse(l, "its statistics must lie behind those before them");
                if (layer.statistics[s] > static_cast<Index>(statistics_.size()) - layer.inputs)
                    refuse(l, "its statistics lie outside the flat vector");
                statistic = layer.statistics[s] + layer.inputs;
            }
            if (!records_[l].scheduled) continue;
            const int numbers = core_.traits(layer.code).scheduled_numbers;
            if (numbers == 0) refuse(l, "it has no numbers that change from step to step");
            layer.scheduled = scheduled_width_;
            scheduled_width_ += numbers;
        }
        check(next == parameter_count, "the layers must have as many parameters as the flat vector");
    }

    void fill(Index inputs, Index positions, Index outputs, Index parameter_count) {
        spec_.layers = layers_.data();
        spec_.layer_count = static_cast<Index>(layers_.size());
        spec_.inputs = inputs, spec_.positions = positions, spec_.outputs = outputs;
        spec_.parameter_count = parameter_count;
        if (scaling_) {
            spec_.mean = scaling_->mean.data(), spec_.scale = scaling_->scale.data();
            spec_.offset = scaling_->offset.data();
            spec_.limit = scaling_->limit;
        }
        spec_.statistics = statistics_.data();
        spec_.statistic_count = static_cast<Index>(statistics_.size());
        spec_.loss = spec_.penalty = spec_.optimizer = PartSpec{-1, {}};
        spec_.options.average = -1.0;
        spec_.link = Link::identity;
    }

    const Core& core_;
    const std::vector<LayerRecord> records_;
    const std::vector<double> statistics_;
    const std::optional<ScalingRecord> scaling_;
    std::vector<LayerSpec> layers_;
    std::vector<SourceSpec> sources_;
    Index scheduled_width_ = 0;
    ProgramSpec spec_{};
    std::optional<Plan> plan_;
};

}  // namespace pellucid
