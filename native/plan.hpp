// Which matrices the layers of a program use: planned once, when the program is made.
//
// Contract. Buffer 0 is the input, buffer i + 1 the output of layer i. `Plan` writes into each LayerSpec the matrices of
// its buffers and of their gradients. A layer writes over its input where nothing needs it any more; matrices of
// gradients are used again as soon as they are free. Where a buffer is read by several layers its gradients are added up,
// from the last reader to the first.
#pragma once

#include <memory>
#include <vector>

#include "core.hpp"

namespace pellucid {

class Plan {
public:
    std::vector<MatrixSpec> matrices, gradients;
    Index slot_count = 0, score_matrix = 0, score_gradient = 0;

    // `reads[l]`: the buffers that layer l reads, which are written before it.
    void make(std::vector<LayerSpec>& layers, const std::vector<std::vector<Index>>& reads, MatrixSpec input,
              const Core& core) {
        readers_.assign(layers.size() + 1, 0);
        for (const auto& sources : reads)
            for (const Index source : sources) ++readers_[static_cast<std::size_t>(source)];
        matrices.assign(1, input);
        buffers_.assign(1, {input, 0, false, true, -1});  // the input itself may be read again
        sources_.clear();
        for (std::size_t l = 0; l < layers.size(); ++l) add_layer(layers[l], reads[l], core.traits(layers[l].code));
        score_matrix = buffers_.back().matrix;
        gradients.clear();
        slot_count = 0;
        score_gradient = buffers_.back().gradient = take(buffers_.back().size);
        for (std::size_t l = layers.size(); l-- > 0;)
            add_gradients(layers[l], l, reads[l], core.traits(layers[l].code));
    }

private:
    struct Buffer {
        MatrixSpec size;
        Index matrix;
        bool trained, needed;  // depends on a parameter; is read by the backward pass of the layer that wrote it
        Index gradient;
    };

    void add_layer(LayerSpec& layer, const std::vector<Index>& reads, const LayerTraits& traits) {
        bool trained = layer.parameter_count > 0;
        sources_.push_back(std::make_unique<SourceSpec[]>(reads.size()));
        for (std::size_t i = 0; i < reads.size(); ++i) {
            const Buffer& source = at(reads[i]);
            sources_.back()[i] = {source.matrix, source.size.width, -1, -1};
            trained |= source.trained;
        }
        layer.sources = sources_.back().get();
        layer.source_count = static_cast<int>(reads.size());
        const Buffer& first = at(reads[0]);
        const bool over = traits.in_place && !traits.reads_input && !first.needed &&
                          readers_[static_cast<std::size_t>(reads[0])] == 1;
        layer.matrix = over ? first.matrix : static_cast<Index>(matrices.size());
        const MatrixSpec size{layer.outputs, layer.output_positions, 0};
        if (!over) matrices.push_back(size);
        buffers_.push_back({size, layer.matrix, trained, traits.reads_output, -1});
    }

    void add_gradients(LayerSpec& layer, std::size_t l, const std::vector<Index>& reads, const LayerTraits& traits) {
        layer.gradient = buffers_[l + 1].trained ? buffers_[l + 1].gradient : -1;
        if (layer.gradient < 0) return;
        bool passes_on = traits.in_place || (traits.joins && keeps_width(layer));  // its own gradient, to one source
        const bool may_pass_on = passes_on;
        for (std::size_t i = 0; i < reads.size(); ++i) {
            Buffer& source = at(reads[i]);
            SourceSpec& spec = sources_[l][i];
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
        size.slot = free_.empty() ? slot_count++ : free_.back();
        if (!free_.empty()) free_.pop_back();
        gradients.push_back(size);
        return static_cast<Index>(gradients.size()) - 1;
    }
    void give_back(Index gradient) { free_.push_back(gradients[static_cast<std::size_t>(gradient)].slot); }

    std::vector<Buffer> buffers_;
    std::vector<Index> readers_, free_;
    std::vector<std::unique_ptr<SourceSpec[]>> sources_;
};

}  // namespace pellucid
