// Which matrices the layers of a program use: planned once, when the program is made.
//
// Contract. Each LayerSpec states the buffers that it reads, which are written before it. `Plan` adds the matrices of
// these buffers and of their gradients, and to the ProgramSpec all that it states of matrices. A layer writes over its
// input where nothing needs it any more; matrices of gradients are used again as soon as they are free. Where a buffer
// is read by several layers its gradients are added up, from the last reader to the first.
#pragma once

#include <vector>

#include "core.hpp"

namespace pellucid {

class Plan {
public:
    // For the layers and the input of `spec`. The arrays live as long as the plan.
    Plan(ProgramSpec& spec, LayerSpec* layers, const Core& core)
        : readers_(static_cast<std::size_t>(spec.layer_count) + 1) {
        for (Index l = 0; l < spec.layer_count; ++l)
            for (int i = 0; i < layers[l].source_count; ++i)
                ++readers_[static_cast<std::size_t>(layers[l].sources[i].buffer)];
        const MatrixSpec input{spec.inputs, spec.positions, 0};
        matrices_.push_back(input);
        buffers_.push_back({input, 0, false, true, -1});  // the input itself may be read again
        for (Index l = 0; l < spec.layer_count; ++l) add_layer(layers[l], core.traits(layers[l].code));
        spec.score_matrix = buffers_.back().matrix;
        spec.output_positions = buffers_.back().size.positions;
        spec.score_gradient = buffers_.back().gradient = take(buffers_.back().size);
        for (Index l = spec.layer_count; l-- > 0;)
            add_gradients(layers[l], at(l + 1), core.traits(layers[l].code));
        spec.matrices = matrices_.data();
        spec.matrix_count = static_cast<Index>(matrices_.size());
        spec.gradients = gradients_.data();
        spec.gradient_count = static_cast<Index>(gradients_.size());
        spec.slot_count = slot_count_;
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

private:
    struct Buffer {
        MatrixSpec size;
        Index matrix;
        bool trained, needed;  // depends on a parameter; is read by the backward pass of the layer that wrote it
        Index gradient;
    };

    void add_layer(LayerSpec& layer, const LayerTraits& traits) {
        bool trained = layer.parameter_count > 0;
        for (int i = 0; i < layer.source_count; ++i) {
            SourceSpec& source = layer.sources[i];
            source = {source.buffer, source.width, at(source.buffer).matrix, -1, -1};
            trained |= at(source.buffer).trained;
        }
        const Buffer& first = at(layer.sources[0].buffer);
        const bool over = traits.in_place && !traits.reads_input && !first.needed &&
                          readers_[static_cast<std::size_t>(layer.sources[0].buffer)] == 1;
        layer.matrix = over ? first.matrix : static_cast<Index>(matrices_.size());
        const MatrixSpec size{layer.outputs, layer.output_positions, 0};
        if (!over) matrices_.push_back(size);
        buffers_.push_back({size, layer.matrix, trained, traits.reads_output, -1});
    }

    void add_gradients(LayerSpec& layer, const Buffer& output, const LayerTraits& traits) {
        layer.gradient = output.trained ? output.gradient : -1;
        if (layer.gradient < 0) return;
        bool passes_on = traits.in_place || (traits.joins && keeps_width(layer));  // its own gradient, to one source
        const bool may_pass_on = passes_on;
        for (int i = 0; i < layer.source_count; ++i) {
            SourceSpec& spec = layer.sources[i];
            Buffer& source = at(spec.buffer);
            if (!source.trained) continue;
            if (source.gradient < 0) {
                spec.gradient = source.gradient = passes_on ? layer.gradient : take(source.size);
                passes_on = false;
            } else if (traits.joins) {
                spec.gradient = spec.adds_to = source.gradient;
            } else {
                spec.gradient = passes_on ? layer.gradient : take(source.size);
                spec.adds_to = source.gradient;
                if (!passes_on) give_back(spec.gradient);
            }
        }
        if (!may_pass_on || passes_on) give_back(layer.gradient);
    }

    static bool keeps_width(const LayerSpec& layer) {
        for (int i = 0; i < layer.source_count; ++i)
            if (layer.sources[i].width != layer.outputs) return false;
        return true;
    }

    Buffer& at(Index buffer) { return buffers_[static_cast<std::size_t>(buffer)]; }

    // A matrix in a slot that is free, or in a new one.
    Index take(MatrixSpec size) {
        size.slot = free_.empty() ? slot_count_++ : free_.back();
        if (!free_.empty()) free_.pop_back();
        gradients_.push_back(size);
        return static_cast<Index>(gradients_.size()) - 1;
    }
    void give_back(Index gradient) { free_.push_back(gradients_[static_cast<std::size_t>(gradient)].slot); }

    std::vector<Buffer> buffers_;
    std::vector<Index> readers_, free_;
    std::vector<MatrixSpec> matrices_, gradients_;
    Index slot_count_ = 0;
};

}  // namespace pellucid
