// The kin of ReLU: value and derivative side by side. activations.hpp has the contract.
#pragma once

#include "activations.hpp"

namespace pellucid::PELLUCID_ISA {

// a = z for z > 0, else slope·z; a′ = 1 or slope. numbers: slope, of any sign, so the output does not tell.
template <typename T> struct LeakyRelu {
    static constexpr bool from_output = false;
    static constexpr int numbers = 1;
    T slope;
    explicit LeakyRelu(const double* numbers) : slope(static_cast<T>(numbers[0])) {}
    Vector<T> value(Vector<T> z) const { return z > T(0) ? z : slope * z; }
    Vector<T> back(Vector<T> g, Vector<T> z) const { return z > T(0) ? g : slope * g; }
};

// a = λz for z > 0, else λα(eᶻ − 1); a′ = λ, else a + λα. numbers: α, λ.
template <typename T> struct Elu {
    static constexpr bool from_output = true;
    static constexpr int numbers = 2;
    T scale, lowest;
    explicit Elu(const double* numbers)
        : scale(static_cast<T>(numbers[1])), lowest(static_cast<T>(numbers[0] * numbers[1])) {}
    Vector<T> value(Vector<T> z) const {
        const Vector<T> below = z > T(0) ? Vector<T>{} : z;
        return z > T(0) ? scale * z : lowest * exponential_minus_one<T>(below);
    }
    Vector<T> back(Vector<T> g, Vector<T> a) const { return a > T(0) ? scale * g : g * (a + lowest); }
};

// a = z·Φ(z); a′ = Φ(z) + z·φ(z)
template <typename T> struct Gelu {
    static constexpr bool from_output = false;
    static constexpr int numbers = 0;
    explicit Gelu(const double*) {}
    Vector<T> value(Vector<T> z) const { return z * normal_distribution<T>(z).share; }
    Vector<T> back(Vector<T> g, Vector<T> z) const {
        const Normal<T> normal = normal_distribution<T>(z);
        return g * (normal.share + z * normal.density);
    }
};

// a = ½z(1 + t) with t = tanh(√(2/π)(z + 0.044715 z³)); a′ = ½(1 + t) + ½z(1 − t²)·√(2/π)(1 + 3·0.044715 z²)
template <typename T> struct GeluTanh {
    static constexpr bool from_output = false;
    static constexpr int numbers = 0;
    static constexpr T root = static_cast<T>(0.79788456080286535588), cubic = static_cast<T>(0.044715);
    explicit GeluTanh(const double*) {}
    static Vector<T> tangent(Vector<T> z) { return hyperbolic_tangent<T>(root * (z + cubic * z * z * z)); }
    Vector<T> value(Vector<T> z) const { return T(0.5) * z * (T(1) + tangent(z)); }
    Vector<T> back(Vector<T> g, Vector<T> z) const {
        const Vector<T> t = tangent(z);
        const Vector<T> inner = root * (T(1) + T(3) * cubic * z * z);
        return g * T(0.5) * ((T(1) + t) + z * (T(1) - t * t) * inner);
    }
};

// a = z·σ(z); a′ = σ(1 + z(1 − σ))
template <typename T> struct Silu {
    static constexpr bool from_output = false;
    static constexpr int numbers = 0;
    explicit Silu(const double*) {}
    Vector<T> value(Vector<T> z) const { return z * logistic<T>(z); }
    Vector<T> back(Vector<T> g, Vector<T> z) const {
        const Vector<T> s = logistic<T>(z);
        return g * s * (T(1) + z * (T(1) - s));
    }
};

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
template <typename T> struct Mish {
    static constexpr bool from_output = false;
    static constexpr int numbers = 0;
    explicit Mish(const double*) {}
    Vector<T> value(Vector<T> z) const { return z * MishParts<T>(z).tangent; }
    Vector<T> back(Vector<T> g, Vector<T> z) const {
        const MishParts<T> parts(z);
        return g * (parts.tangent + z * parts.slope);
    }
};

// a = log(1 + e^(βz))/β; a′ = σ(βz). numbers: β.
template <typename T> struct Softplus {
    static constexpr bool from_output = false;
    static constexpr int numbers = 1;
    T beta;
    explicit Softplus(const double* numbers) : beta(static_cast<T>(numbers[0])) {}
    Vector<T> value(Vector<T> z) const { return softplus<T>(beta * z) / beta; }
    Vector<T> back(Vector<T> g, Vector<T> z) const { return g * logistic<T>(beta * z); }
};

}  // namespace pellucid::PELLUCID_ISA
