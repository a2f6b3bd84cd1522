// Optimizers: how a gradient becomes a step.
//
// Contract. `prepare` turns the hyper-parameters (in the order of the Python `kernel()`), the rate and the number of
// the step (from 0 on) into constants; `update` runs over any stretch of the packed vectors, padding included, whose
// zeros it must leave at zero. A new optimizer: these two functions, and a line in the table.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr int most_slots = 2;
constexpr int most_constants = 8;

template <typename T> struct Stretch {
    T* weights;
    const T* gradient;
    T* slots[most_slots];
    Index count;  // a multiple of lanes
};

template <typename T> struct OptimizerCode {
    const char* name;
    int slots;
    void (*prepare)(const double* numbers, double rate, double step, T* constants);
    void (*update)(const T* constants, const Stretch<T>& s);
};

template <typename T> inline void prepare_rate(const double* numbers, double rate, double, T* constants) {
    constants[0] = static_cast<T>(rate);
    constants[1] = static_cast<T>(numbers[0]);
}

// w ← w − rate·g
template <typename T> inline void gradient_descent(const T* constants, const Stretch<T>& s) {
    for (Index i = 0; i < s.count; i += lanes<T>)
        store<T>(s.weights + i, load<T>(s.weights + i) - constants[0] * load<T>(s.gradient + i));
}

// v ← μv + g, w ← w − rate·v
template <typename T> inline void momentum(const T* constants, const Stretch<T>& s) {
    for (Index i = 0; i < s.count; i += lanes<T>) {
        const Vector<T> velocity = constants[1] * load<T>(s.slots[0] + i) + load<T>(s.gradient + i);
        store<T>(s.slots[0] + i, velocity);
        store<T>(s.weights + i, load<T>(s.weights + i) - constants[0] * velocity);
    }
}

// v ← μv + g, w ← w − rate·(g + μv)
template <typename T> inline void nesterov(const T* constants, const Stretch<T>& s) {
    for (Index i = 0; i < s.count; i += lanes<T>) {
        const Vector<T> gradient = load<T>(s.gradient + i);
        const Vector<T> velocity = constants[1] * load<T>(s.slots[0] + i) + gradient;
        store<T>(s.slots[0] + i, velocity);
        store<T>(s.weights + i, load<T>(s.weights + i) - constants[0] * (gradient + constants[1] * velocity));
    }
}

// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε), t = step + 1
template <typename T> inline void prepare_adam(const double* numbers, double rate, double step, T* constants) {
    constants[0] = static_cast<T>(rate / (1.0 - __builtin_pow(numbers[0], step + 1.0)));
    constants[1] = static_cast<T>(1.0 / __builtin_sqrt(1.0 - __builtin_pow(numbers[1], step + 1.0)));
    constants[2] = static_cast<T>(numbers[0]);
    constants[3] = static_cast<T>(1.0 - numbers[0]);
    constants[4] = static_cast<T>(numbers[1]);
    constants[5] = static_cast<T>(1.0 - numbers[1]);
    constants[6] = static_cast<T>(numbers[2]);
}

template <typename T> inline void adam(const T* constants, const Stretch<T>& s) {
    for (Index i = 0; i < s.count; i += lanes<T>) {
        const Vector<T> gradient = load<T>(s.gradient + i);
        const Vector<T> first = constants[2] * load<T>(s.slots[0] + i) + constants[3] * gradient;
        const Vector<T> second = constants[4] * load<T>(s.slots[1] + i) + constants[5] * (gradient * gradient);
        store<T>(s.slots[0] + i, first);
        store<T>(s.slots[1] + i, second);
        const Vector<T> size = square_root<T>(second) * constants[1] + constants[6];
        store<T>(s.weights + i, load<T>(s.weights + i) - constants[0] * first / size);
    }
}

template <typename T>
constexpr OptimizerCode<T> optimizer_table[] = {
    {"gradient_descent", 0, prepare_rate<T>, gradient_descent<T>},
    {"momentum", 1, prepare_rate<T>, momentum<T>},
    {"nesterov", 1, prepare_rate<T>, nesterov<T>},
    {"adam", 2, prepare_adam<T>, adam<T>},
};

}  // namespace pellucid::PELLUCID_ISA
