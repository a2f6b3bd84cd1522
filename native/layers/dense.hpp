// The dense layer: y = x W + b. ∂x = g Wᵀ, ∂W = xᵀ g, ∂b = Σ g. And `dense_ntk`: y = (c·x) W + b with c = 1/√inputs.
//
// A panel of the packed weight is followed by the bias of the same columns, as one more row.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_dense(const LayerSpec& spec) {
    if (spec.parameter_count < 1 || spec.parameter_count > 2) return "a dense layer has a weight and may have a bias";
    if (!has_shape(spec, 0, spec.inputs, spec.outputs)) return "a dense layer's weight has the shape (inputs, outputs)";
    if (spec.parameter_count == 2 && !has_shape(spec, 1, 1, spec.outputs))
        return "a dense layer's bias has a number for each output";
    return nullptr;
}

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

// The same on transposed matrices: at most `panel` inputs and `lanes` outputs.
template <typename T> inline void dense_forward_transposed(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const Index rows = spec.inputs + (spec.parameter_count > 1 ? 1 : 0);  // the last one is the bias
    const Range mine = share(ceiling(layer.columns, panel<T>), work.part, work.parts);
    for (Index column = mine.begin; column < mine.end; ++column)
        gradient_block<T>(layer.weights + layer.places[0].start, layer.input.at(column, 0), layer.output.at(column, 0),
                          spec.outputs, rows, is_narrow<T>(layer.columns, column), false);
}

template <typename T>
inline void dense_backward_transposed(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                      Matrix<T> input_gradient) {
    const LayerSpec& spec = *layer.spec;
    const Index start = layer.places[0].start;
    if (input_gradient.data) {
        product<T>({layer.weights + start, layer.places[0].stride}, readable(gradient), nullptr, input_gradient,
                   spec.inputs, layer.columns, spec.outputs, work.part, work.parts);
        work.meet();  // all have read the weight
    }
    alignas(64) T block[(panel<T> + 1) * panel<T>];
    for (int p = 0; p < spec.parameter_count; ++p) {
        const Range all = p == 0 ? Range{0, spec.inputs} : Range{spec.inputs, spec.inputs + 1};
        const Range part = p == 0 ? share(spec.inputs, work.part, work.parts) : share(1, work.part, work.parts);
        const Index begin = all.begin + part.begin, end = all.begin + part.end;
        if (begin == end) continue;
        const Index place = start + begin * panel<T>;
        T* of = work.update ? block : layer.gradient + place;
        transposed_gradient<T>(readable(layer.input), readable(gradient), of, begin, end, spec.outputs, layer.columns,
                               work.adds());
        if (work.update) work.update->apply(place, block, (end - begin) * panel<T>, spec.parameters[p].penalized);
    }
}

template <typename T> inline void dense_forward(const Work<T>& work, const Layer<T>& layer) {
    if (layer.columns > 0) return dense_forward_transposed(work, layer);
    const LayerSpec& spec = *layer.spec;
    const T* bias = spec.parameter_count > 1 ? layer.weights + layer.places[1].start : nullptr;
    product<T>(readable(layer.input), {layer.weights + layer.places[0].start, layer.places[0].stride}, bias,
               layer.output, work.rows, spec.outputs, spec.inputs, work.part, work.parts);
}

template <typename T>
inline void dense_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    if (layer.columns > 0) return dense_backward_transposed(work, layer, gradient, input_gradient);
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
    const Index panels = ceiling(spec.outputs, panel<T>);
    // Few units are made smaller where several parts share them.
    const bool few = work.parts > 1 && panels * ceiling(spec.inputs, panel<T>) < 16 * work.parts;
    const Index height = few ? lanes<T> : panel<T>;
    const Index blocks = ceiling(spec.inputs, height);
    const Range mine = share_tiles<T>(spec.outputs, blocks, work.part, work.parts);
    alignas(64) T block[panel<T> * panel<T>];
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / blocks, row = unit % blocks * height;
        const Index count = smaller_of(spec.inputs - row, height);
        const Index start = layer.places[0].start + column * layer.places[0].stride + row * panel<T>;
        if (layer.fetches) work.next.fetch(unit, panels * blocks);
        if (work.update) work.update->fetch(start, count * panel<T>);
        T* of_weight = work.update ? block : layer.gradient + start;
        const bool narrow = is_narrow<T>(spec.outputs, column);
        gradient_block<T>(layer.input.at(row / panel<T>, 0) + row % panel<T>, gradient.at(column, 0), of_weight, count,
                          work.rows, narrow, work.adds());
        if (work.update) work.update->apply(start, block, count * panel<T>, spec.parameters[0].penalized);
        if (!has_bias || row > 0) continue;
        const Index bias = layer.places[1].start + column * layer.places[1].stride;
        T* of_bias = work.update ? block : layer.gradient + bias;
        column_sums<T>(gradient.at(column, 0), of_bias, work.rows, narrow, work.adds());
        if (work.update) work.update->apply(bias, block, panel<T>, spec.parameters[1].penalized);
    }
}

// The same on c·x, which is kept in `pieces`; what is passed back has the factor, too.
template <typename T> inline void dense_ntk_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    dense_lay_out(layer, arena, rows);
    layer.pieces = take_matrix<T>(arena, rows, layer.spec->inputs);
}

template <typename T> inline T factor_of_inputs(const Layer<T>& layer) {
    return static_cast<T>(1.0 / __builtin_sqrt(static_cast<double>(layer.spec->inputs)));
}

template <typename T> inline Layer<T> dense_of_pieces(const Layer<T>& layer) {
    Layer<T> dense = layer;
    dense.input = layer.pieces;
    return dense;
}

template <typename T> inline void dense_ntk_forward(const Work<T>& work, const Layer<T>& layer) {
    const T factor = factor_of_inputs(layer);
    map<T>(work, layer.spec->inputs, layer.input, layer.pieces, [=](Vector<T> x) { return x * factor; });
    work.meet();
    dense_forward(work, dense_of_pieces(layer));
}

template <typename T>
inline void dense_ntk_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                               Matrix<T> input_gradient) {
    dense_backward(work, dense_of_pieces(layer), gradient, input_gradient);
    if (!input_gradient.data) return;
    work.meet();  // all of it is there
    const T factor = factor_of_inputs(layer);
    map<T>(work, layer.spec->inputs, input_gradient, input_gradient, [=](Vector<T> g) { return g * factor; });
}

template <typename T>
constexpr LayerCode<T> dense_code{
    .name = "dense",
    .changes_width = true,
    .check = check_dense,
    .reads_input = true,
    .transposed = true,
    .lay_out = dense_lay_out<T>,
    .forward = dense_forward<T>,
    .backward = dense_backward<T>,
};

template <typename T>
constexpr LayerCode<T> dense_ntk_code{
    .name = "dense_ntk",
    .changes_width = true,
    .check = check_dense,
    .reads_input = true,
    .lay_out = dense_ntk_lay_out<T>,
    .forward = dense_ntk_forward<T>,
    .backward = dense_ntk_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
