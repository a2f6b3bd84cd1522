// Optimizers: how a gradient becomes a step.
//
// Contract. `prepare` turns the hyper-parameters (in the order of the Python `kernel()`), the rate and the number of
// the step (from 0 on) into constants; in `memory`, zeros at first, it may note what the next step can start from.
// `update` runs over any stretch of the packed vectors, padding included, where the gradient is zero and the weights
// must stay zero: an ε must stay above zero in T. What surrounds every optimizer (clipping, decay, averages) is in
// update.hpp. A new optimizer: these two functions, and a line in the table.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr int most_constants = 8;
constexpr int most_memory = 2;

template <typename T> struct Stretch {
    T* weights;
    const T* gradient;
    T* slots[most_slots];
    const T* factors;  // what the rate of each weight is multiplied with, or null
    Index count;       // a multiple of lanes
};

template <typename T> struct OptimizerCode {
    const char* name;
    int slots;
    void (*prepare)(const double* numbers, double rate, double step, double* memory, T* constants);
    void (*update)(const T* constants, const Stretch<T>& s);
};

// w ← w − factor·f(g, slots), vector by vector; f changes the slots.
template <typename T, int slots, typename F> inline void descend(const Stretch<T>& s, F&& f) {
    const auto change = [&](Index i) __attribute__((always_inline)) {
        Vector<T> slot[slots + 1];
#pragma GCC unroll 4
        for (int k = 0; k < slots; ++k) slot[k] = load<T>(s.slots[k] + i);
        const Vector<T> step = f(load<T>(s.gradient + i), slot);
#pragma GCC unroll 4
        for (int k = 0; k < slots; ++k) store<T>(s.slots[k] + i, slot[k]);
        return step;
    };
    if (s.factors) {
        for (Index i = 0; i < s.count; i += lanes<T>)
            store<T>(s.weights + i, load<T>(s.weights + i) - load<T>(s.factors + i) * change(i));
    } else {
        for (Index i = 0; i < s.count; i += lanes<T>) store<T>(s.weights + i, load<T>(s.weights + i) - change(i));
    }
}

// The rate, and the numbers as they are.
template <typename T, int count>
inline void prepare_numbers(const double* numbers, double rate, double, double*, T* constants) {
    constants[0] = static_cast<T>(rate);
    for (int i = 0; i < count; ++i) constants[1 + i] = static_cast<T>(numbers[i]);
}

// w ← w − rate·g
template <typename T> inline void gradient_descent(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0];
    descend<T, 0>(s, [=](Vector<T> g, Vector<T>*) { return rate * g; });
}

// v ← μv + g, w ← w − rate·v
template <typename T> inline void momentum(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0], stays = constants[1];
    descend<T, 1>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = stays * slot[0] + g;
        return rate * slot[0];
    });
}

// v ← μv + g, w ← w − rate·(g + μv)
template <typename T> inline void nesterov(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0], stays = constants[1];
    descend<T, 1>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = stays * slot[0] + g;
        return rate * (g + stays * slot[0]);
    });
}

// ε as a T. What is not a normal number counts as zero here, and 0/0 would spoil what has no gradient.
template <typename T> inline T keep_positive(double epsilon) {
    constexpr T least = std::is_same_v<T, float> ? static_cast<T>(__FLT_MIN__) : static_cast<T>(__DBL_MIN__);
    const T number = static_cast<T>(epsilon);
    return number < least ? least : number;
}

template <typename T>
inline void prepare_adagrad(const double* numbers, double rate, double, double*, T* constants) {
    constants[0] = static_cast<T>(rate);
    constants[1] = keep_positive<T>(numbers[0]);
}

// s ← s + g², w ← w − rate·g/(√s + ε)
template <typename T> inline void adagrad(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0], epsilon = constants[1];
    descend<T, 1>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] += g * g;
        return rate * g / (square_root<T>(slot[0]) + epsilon);
    });
}

// The rate, the decay ρ, 1 − ρ, and ε.
template <typename T>
inline void prepare_decay(const double* numbers, double rate, double, double*, T* constants) {
    constants[0] = static_cast<T>(rate);
    constants[1] = static_cast<T>(numbers[0]);
    constants[2] = static_cast<T>(1.0 - numbers[0]);
    constants[3] = keep_positive<T>(numbers[1]);
}

// v ← ρv + (1 − ρ)g², w ← w − rate·g/(√v + ε)
template <typename T> inline void rmsprop(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0], stays = constants[1], comes = constants[2], epsilon = constants[3];
    descend<T, 1>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = stays * slot[0] + comes * (g * g);
        return rate * g / (square_root<T>(slot[0]) + epsilon);
    });
}

// v ← ρv + (1 − ρ)g², Δ = g·√(u + ε)/√(v + ε), u ← ρu + (1 − ρ)Δ², w ← w − rate·Δ
template <typename T> inline void adadelta(const T* constants, const Stretch<T>& s) {
    const T rate = constants[0], stays = constants[1], comes = constants[2], epsilon = constants[3];
    descend<T, 2>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = stays * slot[0] + comes * (g * g);
        const Vector<T> change = g * (square_root<T>(slot[1] + epsilon) / square_root<T>(slot[0] + epsilon));
        slot[1] = stays * slot[1] + comes * (change * change);
        return rate * change;
    });
}

// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε), t = step + 1
template <typename T>
inline void prepare_adam(const double* numbers, double rate, double step, double*, T* constants) {
    constants[0] = static_cast<T>(rate / (1.0 - __builtin_pow(numbers[0], step + 1.0)));
    constants[1] = static_cast<T>(1.0 / __builtin_sqrt(1.0 - __builtin_pow(numbers[1], step + 1.0)));
    constants[2] = static_cast<T>(numbers[0]);
    constants[3] = static_cast<T>(1.0 - numbers[0]);
    constants[4] = static_cast<T>(numbers[1]);
    constants[5] = static_cast<T>(1.0 - numbers[1]);
    constants[6] = keep_positive<T>(numbers[2]);
}

// As Adam, with ε beside √v itself: w ← w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m / (√v + ε)
template <typename T>
inline void prepare_adam_epsilon_hat(const double* numbers, double rate, double step, double* memory, T* constants) {
    const double corrected = rate * __builtin_sqrt(1.0 - __builtin_pow(numbers[1], step + 1.0));
    prepare_adam<T>(numbers, corrected, step, memory, constants);
    constants[1] = T(1);
}

template <typename T> struct AdamConstants {
    T rate, per_root, stays_1, comes_1, stays_2, comes_2, epsilon;
    explicit AdamConstants(const T* constants)
        : rate(constants[0]), per_root(constants[1]), stays_1(constants[2]), comes_1(constants[3]),
          stays_2(constants[4]), comes_2(constants[5]), epsilon(constants[6]) {}
};

template <typename T> inline void adam(const T* constants, const Stretch<T>& s) {
    const AdamConstants<T> c(constants);
    descend<T, 2>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = c.stays_1 * slot[0] + c.comes_1 * g;
        slot[1] = c.stays_2 * slot[1] + c.comes_2 * (g * g);
        return c.rate * slot[0] / (square_root<T>(slot[1]) * c.per_root + c.epsilon);
    });
}

// As Adam, with v̄ ← max(v̄, v) in the place of v.
template <typename T> inline void amsgrad(const T* constants, const Stretch<T>& s) {
    const AdamConstants<T> c(constants);
    descend<T, 3>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = c.stays_1 * slot[0] + c.comes_1 * g;
        slot[1] = c.stays_2 * slot[1] + c.comes_2 * (g * g);
        slot[2] = larger<T>(slot[2], slot[1]);
        return c.rate * slot[0] / (square_root<T>(slot[2]) * c.per_root + c.epsilon);
    });
}

// m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g| + ε), w ← w − rate/(1 − β₁ᵗ)·m/u
template <typename T> inline void adamax(const T* constants, const Stretch<T>& s) {
    const AdamConstants<T> c(constants);
    descend<T, 2>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = c.stays_1 * slot[0] + c.comes_1 * g;
        slot[1] = larger<T>(c.stays_2 * slot[1], absolute<T>(g) + c.epsilon);
        return c.rate * slot[0] / slot[1];
    });
}

// w ← w − rate·(μₜ₊₁m/(1 − Πₜ₊₁) + (1 − μₜ)g/(1 − Πₜ))/(√v̂ + ε), μₜ = β₁(1 − ½·0.96^(tψ)), Πₜ = μ₁·…·μₜ. The memory
// holds a t and its Πₜ: the products are always multiplied up in the same order, from wherever they are known.
template <typename T>
inline void prepare_nadam(const double* numbers, double rate, double step, double* memory, T* constants) {
    const auto momentum_at = [&](double t) { return numbers[0] * (1.0 - 0.5 * __builtin_pow(0.96, t * numbers[3])); };
    const double now = step + 1.0;
    if (memory[0] < 1.0 || memory[0] > now) {
        memory[0] = 1.0;
        memory[1] = momentum_at(1.0);
    }
    while (memory[0] < now) {
        if (memory[1] < 0x1p-60) memory[0] = now - 1.0, memory[1] = 0.0;  // beside 1 it counts no more
        memory[0] += 1.0;
        memory[1] *= momentum_at(memory[0]);
    }
    const double next = momentum_at(now + 1.0);
    prepare_adam<T>(numbers, rate, step, memory, constants);
    constants[0] = static_cast<T>(rate * next / (1.0 - memory[1] * next));
    constants[7] = static_cast<T>(rate * (1.0 - momentum_at(now)) / (1.0 - memory[1]));
}

template <typename T> inline void nadam(const T* constants, const Stretch<T>& s) {
    const AdamConstants<T> c(constants);
    const T rate_of_gradient = constants[7];
    descend<T, 2>(s, [=](Vector<T> g, Vector<T>* slot) {
        slot[0] = c.stays_1 * slot[0] + c.comes_1 * g;
        slot[1] = c.stays_2 * slot[1] + c.comes_2 * (g * g);
        return (c.rate * slot[0] + rate_of_gradient * g) / (square_root<T>(slot[1]) * c.per_root + c.epsilon);
    });
}

// The rate, β₁, 1 − β₁, β₂ and 1 − β₂.
template <typename T>
inline void prepare_lion(const double* numbers, double rate, double, double*, T* constants) {
    constants[0] = static_cast<T>(rate);
    for (int i = 0; i < 2; ++i) {
        constants[1 + 2 * i] = static_cast<T>(numbers[i]);
        constants[2 + 2 * i] = static_cast<T>(1.0 - numbers[i]);
    }
}

// w ← w − rate·sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g
template <typename T> inline void lion(const T* constants, const Stretch<T>& s) {
    const Vector<T> rate = broadcast<T>(constants[0]);
    const T stays_1 = constants[1], comes_1 = constants[2], stays_2 = constants[3], comes_2 = constants[4];
    descend<T, 1>(s, [=](Vector<T> g, Vector<T>* slot) {
        const Vector<T> direction = stays_1 * slot[0] + comes_1 * g;
        slot[0] = stays_2 * slot[0] + comes_2 * g;
        return direction > T(0) ? rate : (direction < T(0) ? -rate : direction);  // 0 and NaN as they are
    });
}

template <typename T>
constexpr OptimizerCode<T> optimizer_table[] = {
    {"gradient_descent", 0, prepare_numbers<T, 0>, gradient_descent<T>},
    {"momentum", 1, prepare_numbers<T, 1>, momentum<T>},
    {"nesterov", 1, prepare_numbers<T, 1>, nesterov<T>},
    {"adagrad", 1, prepare_adagrad<T>, adagrad<T>},
    {"rmsprop", 1, prepare_decay<T>, rmsprop<T>},
    {"adadelta", 2, prepare_decay<T>, adadelta<T>},
    {"adam", 2, prepare_adam<T>, adam<T>},
    {"adam_epsilon_hat", 2, prepare_adam_epsilon_hat<T>, adam<T>},
    {"amsgrad", 3, prepare_adam<T>, amsgrad<T>},
    {"adamax", 2, prepare_adam<T>, adamax<T>},
    {"nadam", 2, prepare_nadam<T>, nadam<T>},
    {"lion", 1, prepare_lion<T>, lion<T>},
};

}  // namespace pellucid::PELLUCID_ISA
