// exp, tanh, sigmoid, log and log(1 + x) of whole vectors, to one or two units in the last place.
//
// Contract. Lane by lane, so a number's result does not depend on its neighbours. Numbers below the smallest normal
// one are zero, as everywhere in this core. NaN gives NaN; exp overflows to infinity.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> struct Exponential;

template <> struct Exponential<float> {
    static constexpr float smallest = -87.33654f, largest = 88.72283f;
    static constexpr float per_ln2 = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr float shift = 12582912.0f;  // 1.5·2²³: adding it rounds to a whole number in the low bits
    static constexpr int terms = 7, fraction_bits = 23, bias = 127;
};

template <> struct Exponential<double> {
    static constexpr double smallest = -708.396418532264, largest = 709.782712893384;
    static constexpr double per_ln2 = 1.4426950408889634, ln2_high = 0.693147180369123816490,
                            ln2_low = 1.90821492927058770002e-10;
    static constexpr double shift = 6755399441055744.0;  // 1.5·2⁵²
    static constexpr int terms = 13, fraction_bits = 52, bias = 1023;
};

struct InverseFactorials {
    double of[14];
    constexpr InverseFactorials() : of{1.0} {
        double factorial = 1.0;
        for (int n = 1; n < 14; ++n) of[n] = 1.0 / (factorial *= n);
    }
};
constexpr InverseFactorials inverse_factorial;

// x = n·ln 2 + r with |r| <= ln 2 / 2: gives e^r − 1 and the whole number n. `x` must lie within the limits above.
template <typename T> struct Reduced {
    Vector<T> power_minus_one;
    Integers<T> exponent;
};

template <typename T> inline Reduced<T> reduce(Vector<T> x) {
    using E = Exponential<T>;
    const Vector<T> shifted = x * E::per_ln2 + E::shift;
    const Vector<T> n = shifted - E::shift;
    const Vector<T> r = (x - n * E::ln2_high) - n * E::ln2_low;
    Vector<T> p = broadcast<T>(static_cast<T>(inverse_factorial.of[E::terms]));
#pragma GCC unroll 16
    for (int k = E::terms - 1; k >= 2; --k) p = p * r + static_cast<T>(inverse_factorial.of[k]);
    return {r + r * r * p, (Integers<T>)shifted - (Integers<T>)broadcast<T>(E::shift)};
}

// 2ⁿ for normal results.
template <typename T> inline Vector<T> power_of_two(Integers<T> n) {
    using E = Exponential<T>;
    return (Vector<T>)((n + E::bias) << E::fraction_bits);
}

template <typename T> inline Vector<T> exponential(Vector<T> x) {
    using E = Exponential<T>;
    const Vector<T> low = broadcast<T>(E::smallest), high = broadcast<T>(E::largest);
    Vector<T> inside = x < low ? low : x;  // in this order NaN stays NaN
    inside = inside > high ? high : inside;
    const Reduced<T> e = reduce<T>(inside);
    const Integers<T> half = e.exponent >> 1;  // two factors: 2¹²⁸ alone would overflow
    Vector<T> result = (T(1) + e.power_minus_one) * power_of_two<T>(half) * power_of_two<T>(e.exponent - half);
    result = x < low ? Vector<T>{} : result;
    return x > high ? broadcast<T>(static_cast<T>(__builtin_inf())) : result;
}

// 1 / (1 + e^−x). Below the smallest exponent the result is zero, as 1 / infinity.
template <typename T> inline Vector<T> logistic(Vector<T> x) { return T(1) / (T(1) + exponential<T>(-x)); }

// −t / (2 + t) with t = e^(−2|x|) − 1, which keeps its relative precision around zero.
template <typename T> inline Vector<T> hyperbolic_tangent(Vector<T> x) {
    const Vector<T> limit = broadcast<T>(T(22));  // tanh is 1 from here on
    Vector<T> size = absolute<T>(x);
    size = size > limit ? limit : size;
    const Reduced<T> e = reduce<T>(T(-2) * size);
    const Vector<T> scale = power_of_two<T>(e.exponent);
    const Vector<T> t = scale * e.power_minus_one + (scale - T(1));
    const Vector<T> result = -t / (t + T(2));
    return x < T(0) ? -result : result;
}

// 2·artanh(s) = 2 (s + s³/3 + s⁵/5 + …) with `terms` terms.
template <typename T, int terms> inline Vector<T> twice_artanh(Vector<T> s) {
    const Vector<T> square = s * s;
    Vector<T> p = broadcast<T>(T(1) / T(2 * terms - 1));
#pragma GCC unroll 20
    for (int k = terms - 2; k >= 1; --k) p = p * square + T(1) / T(2 * k + 1);
    return T(2) * (s + s * square * p);
}

// log(1 + x) for 0 <= x <= 1: s = x / (2 + x) is at most 1/3.
template <typename T> inline Vector<T> log_one_plus(Vector<T> x) {
    constexpr int terms = std::is_same_v<T, float> ? 8 : 17;
    return twice_artanh<T, terms>(x / (T(2) + x));
}

// The natural logarithm of positive normal numbers; −infinity for zero, NaN for negative ones.
template <typename T> inline Vector<T> logarithm(Vector<T> x) {
    using E = Exponential<T>;
    constexpr int terms = std::is_same_v<T, float> ? 6 : 11;
    const Integers<T> root_half = (Integers<T>)broadcast<T>(static_cast<T>(0.70710678118654752440));
    const Integers<T> bits = (Integers<T>)x;
    const Integers<T> n = (bits - root_half) >> E::fraction_bits;
    const Vector<T> m = (Vector<T>)(bits - (n << E::fraction_bits)) - T(1);  // √½ <= 1 + m < √2
    const Vector<T> number = __builtin_convertvector(n, Vector<T>);
    Vector<T> result = number * E::ln2_high + (twice_artanh<T, terms>(m / (T(2) + m)) + number * E::ln2_low);
    const Vector<T> infinity = broadcast<T>(static_cast<T>(__builtin_inf()));
    result = x == T(0) ? -infinity : result;
    result = x < T(0) ? infinity - infinity : result;
    return x < infinity ? result : x;  // infinity and NaN are their own logarithms
}

}  // namespace pellucid::PELLUCID_ISA
