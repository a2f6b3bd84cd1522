// Penalties: a price on large weights.
//
// Contract. `value` of a vector of weights is summed by the caller over all that are penalized; `add_gradient` adds the
// derivative to a gradient. Both run over whole vectors, padding included, which costs nothing: it is zero. A new
// penalty: these two functions, and a line in the table.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr int most_penalty_numbers = 2;

template <typename T> struct PenaltyCode {
    const char* name;
    double (*value)(const double* numbers, const T* weights, Index count);
    void (*add_gradient)(const double* numbers, const T* weights, T* gradient, Index count);
};

template <typename T> inline double sum_of_squares(const T* numbers, Index count) {
    double sums[panel<T>] = {};  // side by side, so that the machine need not wait for one sum
    for (Index i = 0; i < count; i += panel<T>)
        for (Index c = 0; c < panel<T>; ++c) {
            const double number = static_cast<double>(numbers[i + c]);
            sums[c] += number * number;
        }
    double sum = 0.0;
    for (double part : sums) sum += part;
    return sum;
}

// λ Σ|w|; λ sign(w), 0 at 0
template <typename T> inline double l1_value(const double* numbers, const T* weights, Index count) {
    double sum = 0.0;
    for (Index i = 0; i < count; ++i) sum += __builtin_fabs(static_cast<double>(weights[i]));
    return numbers[0] * sum;
}

template <typename T>
inline void l1_add_gradient(const double* numbers, const T* weights, T* gradient, Index count) {
    const Vector<T> strength = broadcast<T>(static_cast<T>(numbers[0]));
    for (Index i = 0; i < count; i += lanes<T>) {
        const Vector<T> w = load<T>(weights + i);
        const Vector<T> slope = w > T(0) ? strength : (w < T(0) ? -strength : Vector<T>{});
        store<T>(gradient + i, load<T>(gradient + i) + slope);
    }
}

// ½λ Σw²; λ w
template <typename T> inline double l2_value(const double* numbers, const T* weights, Index count) {
    return 0.5 * numbers[0] * sum_of_squares<T>(weights, count);
}

template <typename T>
inline void l2_add_gradient(const double* numbers, const T* weights, T* gradient, Index count) {
    const T strength = static_cast<T>(numbers[0]);
    for (Index i = 0; i < count; i += lanes<T>)
        store<T>(gradient + i, load<T>(gradient + i) + strength * load<T>(weights + i));
}

// Both: the numbers are their factors.
template <typename T> inline double elastic_net_value(const double* numbers, const T* weights, Index count) {
    return l1_value<T>(numbers, weights, count) + l2_value<T>(numbers + 1, weights, count);
}

template <typename T>
inline void elastic_net_add_gradient(const double* numbers, const T* weights, T* gradient, Index count) {
    l1_add_gradient<T>(numbers, weights, gradient, count);
    l2_add_gradient<T>(numbers + 1, weights, gradient, count);
}

template <typename T>
constexpr PenaltyCode<T> penalty_table[] = {
    {"l1", l1_value<T>, l1_add_gradient<T>},
    {"l2", l2_value<T>, l2_add_gradient<T>},
    {"elastic_net", elastic_net_value<T>, elastic_net_add_gradient<T>},
};

}  // namespace pellucid::PELLUCID_ISA
