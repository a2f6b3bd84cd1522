// Scaling, one column at a time, where it does not stand at the front of the network (there the gather does it):
//
//     standardize   y = (x − mean)·scale     statistics: mean, scale
//     robust_scale  y = z/√(1 + (z/limit)²) with z as above     numbers: limit (0: y = z)
//     rescale       y = x·scale + offset     numbers: scale, offset
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> inline void standardize_lay_out(Layer<T>& layer, Arena& arena, Index) {
    const Index width = layer.spec->outputs, padded = ceiling(width, panel<T>) * panel<T>;
    layer.constants = arena.take<T>(2 * padded);
    if (!layer.constants) return;
    for (Index s = 0; s < 2; ++s)
        for (Index j = 0; j < width; ++j)
            layer.constants[s * padded + j] = static_cast<T>(layer.statistics[layer.spec->statistics[s] + j]);
}

// to = f(from, mean, scale)
template <typename T, typename F>
inline void map_columns(const Work<T>& work, const Layer<T>& layer, Matrix<T> from, Matrix<T> to, F&& f) {
    const Index padded = ceiling(layer.spec->outputs, panel<T>) * panel<T>;
    for_stretches<T>(work, layer.spec->outputs, [&](Index panel_number, Index row, Index count, Index step) {
        const T* in = from.at(panel_number, row);
        T* out = to.at(panel_number, row);
        for (Index i = 0; i < count; i += step) {
            const T* constants = layer.constants + panel_number * panel<T> + i % panel<T>;
            store<T>(out + i, f(load<T>(in + i), load<T>(constants), load<T>(constants + padded)));
        }
    });
}

template <typename T> inline void standardize_forward(const Work<T>& work, const Layer<T>& layer) {
    map_columns<T>(work, layer, layer.input, layer.output,
                   [](Vector<T> x, Vector<T> mean, Vector<T> scale) { return (x - mean) * scale; });
}
template <typename T>
inline void standardize_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                 Matrix<T> input_gradient) {
    map_columns<T>(work, layer, gradient, input_gradient,
                   [](Vector<T> g, Vector<T>, Vector<T> scale) { return g * scale; });
}

template <typename T> inline T per_limit(const Layer<T>& layer) {
    return layer.spec->numbers[0] > 0.0 ? static_cast<T>(1.0 / layer.spec->numbers[0]) : T(0);
}
template <typename T> inline void robust_scale_forward(const Work<T>& work, const Layer<T>& layer) {
    const T part = per_limit(layer);
    map_columns<T>(work, layer, layer.input, layer.output, [=](Vector<T> x, Vector<T> mean, Vector<T> scale) {
        const Vector<T> z = (x - mean) * scale, ratio = z * part;
        return z / square_root<T>(T(1) + ratio * ratio);
    });
}
// ∂x = g·scale·(1 + (z/limit)²)^(−3/2)
template <typename T>
inline void robust_scale_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                  Matrix<T> input_gradient) {
    const T part = per_limit(layer);
    const Index padded = ceiling(layer.spec->outputs, panel<T>) * panel<T>;
    for_stretches<T>(work, layer.spec->outputs, [&](Index panel_number, Index row, Index count, Index step) {
        const T *in = layer.input.at(panel_number, row), *g = gradient.at(panel_number, row);
        T* out = input_gradient.at(panel_number, row);
        for (Index i = 0; i < count; i += step) {
            const T* constants = layer.constants + panel_number * panel<T> + i % panel<T>;
            const Vector<T> scale = load<T>(constants + padded);
            const Vector<T> ratio = (load<T>(in + i) - load<T>(constants)) * scale * part;
            const Vector<T> square = T(1) + ratio * ratio;
            store<T>(out + i, load<T>(g + i) * scale / (square * square_root<T>(square)));
        }
    });
}

template <typename T> inline void rescale_forward(const Work<T>& work, const Layer<T>& layer) {
    const T scale = static_cast<T>(layer.spec->numbers[0]), offset = static_cast<T>(layer.spec->numbers[1]);
    map<T>(work, layer.spec->outputs, layer.input, layer.output, [=](Vector<T> x) { return x * scale + offset; });
}
template <typename T>
inline void rescale_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const T scale = static_cast<T>(layer.spec->numbers[0]);
    map<T>(work, layer.spec->outputs, gradient, gradient, input_gradient,
           [=](Vector<T> g, Vector<T>) { return g * scale; });
}

template <typename T>
constexpr LayerCode<T> standardize_code{
    .name = "standardize",
    .statistics = 2,
    .in_place = true,
    .lay_out = standardize_lay_out<T>,
    .forward = standardize_forward<T>,
    .backward = standardize_backward<T>,
};

template <typename T>
constexpr LayerCode<T> robust_scale_code{
    .name = "robust_scale",
    .numbers = 1,
    .statistics = 2,
    .in_place = true,
    .reads_input = true,
    .lay_out = standardize_lay_out<T>,
    .forward = robust_scale_forward<T>,
    .backward = robust_scale_backward<T>,
};

template <typename T>
constexpr LayerCode<T> rescale_code{
    .name = "rescale",
    .numbers = 2,
    .in_place = true,
    .transposed = true,
    .forward = rescale_forward<T>,
    .backward = rescale_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
