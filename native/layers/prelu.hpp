// PReLU: a = z for z > 0, else s·z with a learnt slope s, the layer's or each unit's own; ∂s = Σ g·z over z <= 0.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_prelu(const LayerSpec& spec) {
    return spec.parameter_count == 1 && (has_shape(spec, 0, 1, 1) || has_shape(spec, 0, 1, spec.outputs))
               ? nullptr
               : "prelu has one slope, or one for each output";
}

template <typename T> inline bool has_one_slope(const Layer<T>& layer) {
    return layer.spec->parameters[0].columns < layer.spec->outputs;
}

template <typename T> inline void prelu_lay_out(Layer<T>& layer, Arena& arena, Index) {
    lay_out_vectors(layer, 1);
    layer.constants = arena.take<T>(ceiling(layer.spec->outputs, lanes<T>));  // where s is one: ∂s of each vector
}

template <typename T> inline Vector<T> slopes(const Layer<T>& layer, Index panel_number, Index half) {
    const T* from = layer.weights + layer.places[0].start;
    return has_one_slope(layer) ? broadcast<T>(from[0]) : load<T>(from + panel_number * panel<T> + half * lanes<T>);
}

template <typename T> inline void prelu_forward(const Work<T>& work, const Layer<T>& layer) {
    for_column_vectors<T>(work, layer.spec->outputs, [&](Index p, Index half) {
        const Vector<T> slope = slopes(layer, p, half);
        for (Index row = 0; row < work.rows; ++row) {
            const Vector<T> z = load<T>(layer.input.at(p, row) + half * lanes<T>);
            store<T>(layer.output.at(p, row) + half * lanes<T>, z > T(0) ? z : slope * z);
        }
    });
}

template <typename T>
inline void prelu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const bool one = has_one_slope(layer);
    const Index width = layer.spec->outputs, start = layer.places[0].start;
    for_column_vectors<T>(work, width, [&](Index p, Index half) {
        const Vector<T> slope = slopes(layer, p, half);
        const Vector<T> sum = sum_of_rows<T>(work.rows, [&](Index row) {
            const Vector<T> z = load<T>(layer.input.at(p, row) + half * lanes<T>);
            const Vector<T> g = load<T>(gradient.at(p, row) + half * lanes<T>);
            if (input_gradient.data)
                store<T>(input_gradient.at(p, row) + half * lanes<T>, z <= T(0) ? slope * g : g);
            return z <= T(0) ? g * z : Vector<T>{};
        });
        const Vector<T> inside = columns_of<T>(width, 2 * p + half) ? sum : Vector<T>{};
        if (one) layer.constants[2 * p + half] = sum_of_lanes<T>(inside);
        else put_gradient<T>(work, layer, 0, p, half, inside);
    });
    if (!one) return;
    work.meet();  // all have read the slope, and written what they know of its gradient
    if (work.part != 0) return;
    alignas(64) T block[panel<T>] = {};
    T* to = work.update ? block : layer.gradient + start;
    T sum = work.adds() ? *to : T(0);
    for (Index v = 0; v < ceiling(width, lanes<T>); ++v) sum += layer.constants[v];
    *to = sum;
    if (work.update) work.update->apply(start, block, panel<T>, layer.spec->parameters[0].penalized);
}

template <typename T>
constexpr LayerCode<T> prelu_code{
    .name = "prelu",
    .check = check_prelu,
    .in_place = true,
    .reads_input = true,
    .lay_out = prelu_lay_out<T>,
    .forward = prelu_forward<T>,
    .backward = prelu_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
