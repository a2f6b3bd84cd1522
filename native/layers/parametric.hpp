// Activations with a learnt share a of each unit: y = z + a·(f(z) − z); ∂z = g + a·(g·f′ − g), ∂a = Σ g·(f(z) − z).
#pragma once

#include "rectifiers.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> inline void parametric_lay_out(Layer<T>& layer, Arena&, Index) { lay_out_vectors(layer, 1); }

template <template <typename> class F, typename T>
inline void parametric_forward(const Work<T>& work, const Layer<T>& layer) {
    const F<T> f(layer.spec->numbers);
    map_with<T>(work, layer, layer.input, layer.output,
                [=](Vector<T> z, Vector<T> part) { return z + part * (f.value(z) - z); });
}

template <template <typename> class F, typename T>
inline void parametric_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                Matrix<T> input_gradient) {
    const F<T> f(layer.spec->numbers);
    for_column_vectors<T>(work, layer.spec->outputs, [&](Index p, Index half) {
        const Vector<T> part = parameter_of(layer, p, half);
        const Vector<T> sum = sum_of_rows<T>(work.rows, [&](Index row) {
            const Vector<T> z = load<T>(layer.input.at(p, row) + half * lanes<T>);
            const Vector<T> g = load<T>(gradient.at(p, row) + half * lanes<T>);
            const Vector<T> a = f.value(z);
            if (input_gradient.data)
                store<T>(input_gradient.at(p, row) + half * lanes<T>,
                         g + part * (f.back(g, F<T>::from_output ? a : z) - g));
            return g * (a - z);
        });
        put_gradient<T>(work, layer, 0, p, half, sum);
    });
}

// Its line in the table.
template <template <typename> class F, typename T> constexpr LayerCode<T> parametric(const char* name) {
    return {.name = name,
            .numbers = F<T>::numbers,
            .check = check_vector,
            .in_place = true,
            .reads_input = true,
            .lay_out = parametric_lay_out<T>,
            .forward = parametric_forward<F, T>,
            .backward = parametric_backward<F, T>};
}

}  // namespace pellucid::PELLUCID_ISA
