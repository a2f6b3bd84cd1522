// A learnt factor for each column: y = x·s; ∂x = g·s, ∂s = Σ g·x.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> inline void scale_lay_out(Layer<T>& layer, Arena&, Index) { lay_out_vectors(layer, 1); }

template <typename T> inline void scale_forward(const Work<T>& work, const Layer<T>& layer) {
    map_with<T>(work, layer, layer.input, layer.output, [](Vector<T> x, Vector<T> scale) { return x * scale; });
}

template <typename T>
inline void scale_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    for_column_vectors<T>(work, layer.spec->outputs, [&](Index p, Index half) {
        const Vector<T> scale = parameter_of(layer, p, half);
        const Vector<T> sum = sum_of_rows<T>(work.rows, [&](Index row) {
            const Vector<T> x = load<T>(layer.input.at(p, row) + half * lanes<T>);
            const Vector<T> g = load<T>(gradient.at(p, row) + half * lanes<T>);
            if (input_gradient.data) store<T>(input_gradient.at(p, row) + half * lanes<T>, g * scale);
            return g * x;
        });
        put_gradient<T>(work, layer, 0, p, half, sum);
    });
}

template <typename T>
constexpr LayerCode<T> scale_code{
    .name = "scale",
    .check = check_vector,
    .in_place = true,
    .reads_input = true,
    .lay_out = scale_lay_out<T>,
    .forward = scale_forward<T>,
    .backward = scale_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
