// The kin of ReLU: value and derivative side by side.
#pragma once

#include "../math.hpp"
#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

// a = z for z > 0, else slope·z; a′ = 1 or slope. numbers: slope, of any sign, so the output does not tell.
template <typename T> inline void leaky_relu_forward(const Work<T>& work, const Layer<T>& layer) {
    const T slope = static_cast<T>(layer.spec->numbers[0]);
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [=](Vector<T> z) { return z > T(0) ? z : slope * z; });
}
template <typename T>
inline void leaky_relu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                Matrix<T> input_gradient) {
    const T slope = static_cast<T>(layer.spec->numbers[0]);
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient,
           [=](Vector<T> g, Vector<T> z) { return z > T(0) ? g : slope * g; });
}

// a = λz for z > 0, else λα(eᶻ − 1); a′ = λ, else a + λα. numbers: α, λ.
template <typename T> inline void elu_forward(const Work<T>& work, const Layer<T>& layer) {
    const T scale = static_cast<T>(layer.spec->numbers[1]);
    const T lowest = static_cast<T>(layer.spec->numbers[0] * layer.spec->numbers[1]);
    map<T>(work, layer.spec->outputs, layer.input, layer.output, [=](Vector<T> z) {
        const Vector<T> below = z > T(0) ? Vector<T>{} : z;
        return z > T(0) ? scale * z : lowest * exponential_minus_one<T>(below);
    });
}
template <typename T>
inline void elu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const T scale = static_cast<T>(layer.spec->numbers[1]);
    const T lowest = static_cast<T>(layer.spec->numbers[0] * layer.spec->numbers[1]);
    map<T>(work, layer.spec->outputs, gradient, layer.output, input_gradient,
           [=](Vector<T> g, Vector<T> a) { return a > T(0) ? scale * g : g * (a + lowest); });
}

// a = z·Φ(z); a′ = Φ(z) + z·φ(z)
template <typename T> inline void gelu_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return z * normal_distribution<T>(z).share; });
}
template <typename T>
inline void gelu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient, [](Vector<T> g, Vector<T> z) {
        const Normal<T> normal = normal_distribution<T>(z);
        return g * (normal.share + z * normal.density);
    });
}

// a = ½z(1 + t) with t = tanh(√(2/π)(z + 0.044715 z³)); a′ = ½(1 + t) + ½z(1 − t²)·√(2/π)(1 + 3·0.044715 z²)
template <typename T> struct GeluTanh {
    static constexpr T root = static_cast<T>(0.79788456080286535588), cubic = static_cast<T>(0.044715);
    static Vector<T> tangent(Vector<T> z) { return hyperbolic_tangent<T>(root * (z + cubic * z * z * z)); }
};
template <typename T> inline void gelu_tanh_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return T(0.5) * z * (T(1) + GeluTanh<T>::tangent(z)); });
}
template <typename T>
inline void gelu_tanh_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                               Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient, [](Vector<T> g, Vector<T> z) {
        const Vector<T> t = GeluTanh<T>::tangent(z);
        const Vector<T> inner = GeluTanh<T>::root * (T(1) + T(3) * GeluTanh<T>::cubic * z * z);
        return g * T(0.5) * ((T(1) + t) + z * (T(1) - t * t) * inner);
    });
}

// a = z·σ(z); a′ = σ(1 + z(1 − σ))
template <typename T> inline void silu_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output, [](Vector<T> z) { return z * logistic<T>(z); });
}
template <typename T>
inline void silu_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient, [](Vector<T> g, Vector<T> z) {
        const Vector<T> s = logistic<T>(z);
        return g * s * (T(1) + z * (T(1) - s));
    });
}

// a = z·t with t = tanh(log(1 + eᶻ)); a′ = t + z(1 − t²)σ(z). With u = e^−|z| no power overflows:
// t = u(u + 2)/(u(u + 2) + 2) for z < 0, else (1 + 2u)/(1 + 2u + 2u²).
template <typename T> struct MishParts {
    Vector<T> tangent, slope;  // t and (1 − t²)σ(z)
    explicit MishParts(Vector<T> z) {
        const Vector<T> u = exponential<T>(-absolute<T>(z));
        const Integers<T> below = z < T(0);
        const Vector<T> top = below ? u * (u + T(2)) : T(1) + T(2) * u;
        const Vector<T> rest = below ? broadcast<T>(T(2)) : T(2) * u * u;  // 1 − t = rest / (top + rest)
        tangent = top / (top + rest);
        slope = rest / (top + rest) * (T(1) + tangent) * (below ? u : broadcast<T>(T(1))) / (T(1) + u);
    }
};
template <typename T> inline void mish_forward(const Work<T>& work, const Layer<T>& layer) {
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [](Vector<T> z) { return z * MishParts<T>(z).tangent; });
}
template <typename T>
inline void mish_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient, [](Vector<T> g, Vector<T> z) {
        const MishParts<T> parts(z);
        return g * (parts.tangent + z * parts.slope);
    });
}

// a = log(1 + e^(βz))/β; a′ = σ(βz). numbers: β.
template <typename T> inline void softplus_forward(const Work<T>& work, const Layer<T>& layer) {
    const T beta = static_cast<T>(layer.spec->numbers[0]);
    map<T>(work, layer.spec->outputs, layer.input, layer.output,
           [=](Vector<T> z) { return softplus<T>(beta * z) / beta; });
}
template <typename T>
inline void softplus_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                              Matrix<T> input_gradient) {
    const T beta = static_cast<T>(layer.spec->numbers[0]);
    map<T>(work, layer.spec->outputs, gradient, layer.input, input_gradient,
           [=](Vector<T> g, Vector<T> z) { return g * logistic<T>(beta * z); });
}

}  // namespace pellucid::PELLUCID_ISA
