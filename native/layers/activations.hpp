// Activations: value and derivative side by side, the derivative from the output. rectifiers.hpp has the kin of ReLU.
#pragma once

#include "../math.hpp"
#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

// a = z
template <typename T> inline void identity_forward(const Work<T>& work, const Layer<T>& layer) {
    if (layer.input.data != layer.output.data)
        map<T>(work, layer.spec->outputs, layer.input, layer.output, [](Vector<T> z) { return z; });
}
template <typename T> inline void identity_backward(const Work<T>&, const Layer<T>&, Matrix<T>, Matrix<T>) {}

// a = max(z, 0); a′ = [a > 0]. NaN stays NaN.
template <typename T> inline void relu_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return z < T(0) ? Vector<T>{} : z; });
}
template <typename T>
inline void relu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient,
           [](Vector<T> g, Vector<T> a) { return a > T(0) ? g : Vector<T>{}; });
}

// a = 1/(1 + e⁻ᶻ); a′ = a(1 − a)
template <typename T> inline void sigmoid_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output, [](Vector<T> z) { return logistic<T>(z); });
}
template <typename T>
inline void sigmoid_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient,
           [](Vector<T> g, Vector<T> a) { return g * a * (T(1) - a); });
}

// a = tanh z; a′ = 1 − a²
template <typename T> inline void tanh_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return hyperbolic_tangent<T>(z); });
}
template <typename T>
inline void tanh_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient,
           [](Vector<T> g, Vector<T> a) { return g * (T(1) - a * a); });
}

// a = z clipped to [minimum, maximum]; a′ = [minimum < a < maximum]. numbers: minimum, maximum. NaN stays NaN.
template <typename T> inline void hard_tanh_forward(const Work<T>& work, const Layer<T>& layer) {
    const Vector<T> low = broadcast<T>(static_cast<T>(layer.spec->numbers[0]));
    const Vector<T> high = broadcast<T>(static_cast<T>(layer.spec->numbers[1]));
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [=](Vector<T> z) { return z < low ? low : (z > high ? high : z); });
}
template <typename T>
inline void hard_tanh_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                               Matrix<T> input_gradient) {
    const T low = static_cast<T>(layer.spec->numbers[0]), high = static_cast<T>(layer.spec->numbers[1]);
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient,
           [=](Vector<T> g, Vector<T> a) { return ((a > low) & (a < high)) ? g : Vector<T>{}; });
}

// a = z/(1 + |z|); a′ = (1 − |a|)²
template <typename T> inline void softsign_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return z / (T(1) + absolute<T>(z)); });
}
template <typename T>
inline void softsign_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                              Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient, [](Vector<T> g, Vector<T> a) {
        const Vector<T> rest = T(1) - absolute<T>(a);
        return g * (rest * rest);
    });
}

// aⱼ = exp(zⱼ − max z) / Σₖ exp(zₖ − max z), over each row; ∂z = a·(g − Σₖ gₖ aₖ)
template <typename T> inline void softmax_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs, vectors = ceiling(width, lanes<T>);
    const Range mine = share(work.rows, work.part, work.parts);
    const Vector<T> least = broadcast<T>(static_cast<T>(-__builtin_inf()));
    for (Index row = mine.begin; row < mine.end; ++row) {
        Vector<T> highest = least;
        for (Index v = 0; v < vectors; ++v) {
            const Vector<T> z = columns_of<T>(width, v) ? load<T>(vector_of(layer.input, row, v)) : least;
            highest = z > highest ? z : highest;
        }
        const T shift = largest_lane<T>(highest);
        Vector<T> sums = {};
        for (Index v = 0; v < vectors; ++v) {
            const Vector<T> power = exponential<T>(load<T>(vector_of(layer.input, row, v)) - shift);
            const Vector<T> a = columns_of<T>(width, v) ? power : Vector<T>{};
            store<T>(vector_of(layer.output, row, v), a);
            sums += a;
        }
        const T sum = sum_of_lanes<T>(sums);
        for (Index v = 0; v < vectors; ++v) {
            T* a = vector_of(layer.output, row, v);
            store<T>(a, load<T>(a) / sum);
        }
    }
}
template <typename T>
inline void softmax_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const Index vectors = ceiling(layer.spec->outputs, lanes<T>);
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row) {
        Vector<T> sums = {};
        for (Index v = 0; v < vectors; ++v)
            sums += load<T>(vector_of(gradient, row, v)) * load<T>(vector_of(layer.output, row, v));
        const T mean = sum_of_lanes<T>(sums);
        for (Index v = 0; v < vectors; ++v)
            store<T>(vector_of(input_gradient, row, v), load<T>(vector_of(layer.output, row, v)) *
                                                            (load<T>(vector_of(gradient, row, v)) - mean));
    }
}

}  // namespace pellucid::PELLUCID_ISA
