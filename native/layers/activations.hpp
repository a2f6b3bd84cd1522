// Activations: value and derivative side by side. rectifiers.hpp has the kin of ReLU.
//
// An activation of one number is a type `F<T>`, made from the layer's numbers:
//
//     from_output      whether the derivative is written of the output a = f(z), else of z
//     numbers          how many numbers it has
//     value(z)         f(z)
//     back(g, a or z)  g·f′
//
// Two functions make a layer of it; parametric.hpp makes another one.
#pragma once

#include "../math.hpp"
#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

template <template <typename> class F, typename T>
inline void activation_forward(const Work<T>& work, const Layer<T>& layer) {
    const F<T> f(layer.spec->numbers);
    map<T>(work, layer.spec->outputs, layer.input, layer.output, [=](Vector<T> z) { return f.value(z); });
}
template <template <typename> class F, typename T>
inline void activation_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                Matrix<T> input_gradient) {
    const F<T> f(layer.spec->numbers);
    map<T>(work, layer.spec->outputs, gradient, F<T>::from_output ? layer.output : layer.input, input_gradient,
           [=](Vector<T> g, Vector<T> kept) { return f.back(g, kept); });
}

// Its line in the table.
template <template <typename> class F, typename T> constexpr LayerCode<T> activation(const char* name) {
    return {.name = name,
            .numbers = F<T>::numbers,
            .in_place = true,
            .reads_input = !F<T>::from_output,
            .reads_output = F<T>::from_output,
            .transposed = true,
            .forward = activation_forward<F, T>,
            .backward = activation_backward<F, T>};
}

// a = z
template <typename T> inline void identity_forward(const Work<T>& work, const Layer<T>& layer) {
    if (layer.input.data != layer.output.data)
        map<T>(work, layer.spec->outputs, layer.input, layer.output, [](Vector<T> z) { return z; });
}
template <typename T> inline void identity_backward(const Work<T>&, const Layer<T>&, Matrix<T>, Matrix<T>) {}

// a = max(z, 0); a′ = [a > 0]. NaN stays NaN.
template <typename T> struct Relu {
    static constexpr bool from_output = true;
    static constexpr int numbers = 0;
    explicit Relu(const double*) {}
    Vector<T> value(Vector<T> z) const { return z < T(0) ? Vector<T>{} : z; }
    Vector<T> back(Vector<T> g, Vector<T> a) const { return a > T(0) ? g : Vector<T>{}; }
};

// a = 1/(1 + e⁻ᶻ); a′ = a(1 − a)
template <typename T> struct Sigmoid {
    static constexpr bool from_output = true;
    static constexpr int numbers = 0;
    explicit Sigmoid(const double*) {}
    Vector<T> value(Vector<T> z) const { return logistic<T>(z); }
    Vector<T> back(Vector<T> g, Vector<T> a) const { return g * a * (T(1) - a); }
};

// a = tanh z; a′ = 1 − a²
template <typename T> struct Tanh {
    static constexpr bool from_output = true;
    static constexpr int numbers = 0;
    explicit Tanh(const double*) {}
    Vector<T> value(Vector<T> z) const { return hyperbolic_tangent<T>(z); }
    Vector<T> back(Vector<T> g, Vector<T> a) const { return g * (T(1) - a * a); }
};

// a = z clipped to [minimum, maximum]; a′ = [minimum < a < maximum]. numbers: minimum, maximum. NaN stays NaN.
template <typename T> struct HardTanh {
    static constexpr bool from_output = true;
    static constexpr int numbers = 2;
    Vector<T> low, high;
    explicit HardTanh(const double* numbers)
        : low(broadcast<T>(static_cast<T>(numbers[0]))), high(broadcast<T>(static_cast<T>(numbers[1]))) {}
    Vector<T> value(Vector<T> z) const { return z < low ? low : (z > high ? high : z); }
    Vector<T> back(Vector<T> g, Vector<T> a) const { return ((a > low) & (a < high)) ? g : Vector<T>{}; }
};

// a = z/(1 + |z|); a′ = (1 − |a|)²
template <typename T> struct Softsign {
    static constexpr bool from_output = true;
    static constexpr int numbers = 0;
    explicit Softsign(const double*) {}
    Vector<T> value(Vector<T> z) const { return z / (T(1) + absolute<T>(z)); }
    Vector<T> back(Vector<T> g, Vector<T> a) const {
        const Vector<T> rest = T(1) - absolute<T>(a);
        return g * (rest * rest);
    }
};

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

template <typename T>
constexpr LayerCode<T> identity_code{
    .name = "identity",
    .in_place = true,
    .transposed = true,
    .forward = identity_forward<T>,
    .backward = identity_backward<T>,
};

template <typename T>
constexpr LayerCode<T> softmax_code{
    .name = "softmax",
    .in_place = true,
    .reads_output = true,
    .forward = softmax_forward<T>,
    .backward = softmax_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
