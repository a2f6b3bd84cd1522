// The dense layer: y = x W + b. ∂x = g Wᵀ, ∂W = xᵀ g, ∂b = Σ g.
//
// A panel of the packed weight is followed by the bias of the same columns, as one more row.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> inline void dense_lay_out(Layer<T>& layer, Arena& arena, Index) {
    const LayerSpec& spec = *layer.spec;
    const bool has_bias = spec.parameter_count > 1;
    const Index stride = (spec.inputs + (has_bias ? 1 : 0)) * panel<T>;
    layer.places[0] = {layer.packed_start, stride};
    layer.places[1] = {layer.packed_start + spec.inputs * panel<T>, stride};
    layer.packed_end = layer.packed_start + ceiling(spec.outputs, panel<T>) * stride;
    layer.scratch = {arena.take<T>(ceiling(spec.inputs, panel<T>) * spec.outputs * panel<T>),
                     spec.outputs * panel<T>};  // Wᵀ
}

template <typename T> inline void dense_forward(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const T* bias = spec.parameter_count > 1 ? layer.weights + layer.places[1].start : nullptr;
    product<T>(readable(layer.input), {layer.weights + layer.places[0].start, layer.places[0].stride}, bias,
               layer.output, work.rows, spec.outputs, spec.inputs, work.part, work.parts);
}

template <typename T>
inline void dense_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const LayerSpec& spec = *layer.spec;
    if (input_gradient.data) {
        transpose<T>({layer.weights + layer.places[0].start, layer.places[0].stride}, layer.scratch, spec.inputs,
                     spec.outputs, work.part, work.parts);
        work.meet();
        product<T>(readable(gradient), readable(layer.scratch), nullptr, input_gradient, work.rows, spec.inputs,
                   spec.outputs, work.part, work.parts);
    }
    // The weight is read no more, and `product` read a copy: what follows may change it.
    const bool has_bias = spec.parameter_count > 1;
    const Index panels = ceiling(spec.inputs, panel<T>);
    const Range mine = share(ceiling(spec.outputs, panel<T>) * panels, work.part, work.parts);
    alignas(64) T block[panel<T> * panel<T>];
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / panels, row = unit % panels * panel<T>;
        const Index count = smaller_of(spec.inputs - row, panel<T>);
        const Index start = layer.places[0].start + column * layer.places[0].stride + row * panel<T>;
        if (layer.fetches) work.next.fetch(unit, ceiling(spec.outputs, panel<T>) * panels);
        if (work.update) work.update->fetch(start, count * panel<T>);
        T* of_weight = work.update ? block : layer.gradient + start;
        const bool narrow = is_narrow<T>(spec.outputs, column);
        gradient_block<T>(layer.input.at(row / panel<T>, 0), gradient.at(column, 0), of_weight, count, work.rows, narrow,
                          work.adds());
        if (work.update) work.update->apply(start, block, count * panel<T>, spec.parameters[0].penalized);
        if (!has_bias || row > 0) continue;
        const Index bias = layer.places[1].start + column * layer.places[1].stride;
        T* of_bias = work.update ? block : layer.gradient + bias;
        column_sums<T>(gradient.at(column, 0), of_bias, work.rows, narrow, work.adds());
        if (work.update) work.update->apply(bias, block, panel<T>, spec.parameters[1].penalized);
    }
}

}  // namespace pellucid::PELLUCID_ISA
