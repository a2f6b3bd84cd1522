// exp, tanh, sigmoid, log and log(1 + x) of whole vectors, to one or two units in the last place; e^x − 1, the normal
// distribution, sine and cosine of turns, to a few.
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

// e^x − 1 for x <= 0, which keeps its relative precision around zero.
template <typename T> inline Vector<T> exponential_minus_one(Vector<T> x) {
    const Vector<T> limit = broadcast<T>(T(-40));  // it is −1 from here on
    const Reduced<T> e = reduce<T>(x < limit ? limit : x);
    const Vector<T> scale = power_of_two<T>(e.exponent);
    return scale * e.power_minus_one + (scale - T(1));
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
    const Vector<T> result = (Vector<T>{} - t) / (t + T(2));  // so that tanh 0 is 0 and not −0
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

// log(1 + e^x)
template <typename T> inline Vector<T> softplus(Vector<T> x) {
    const Vector<T> positive = x < T(0) ? Vector<T>{} : x;  // in this order NaN stays NaN
    return positive + log_one_plus<T>(exponential<T>(-absolute<T>(x)));
}

// Φ(−u)·e^(u²/2) = t·P(2t − 1) with t = 4 / (4 + u), for u >= 0: the coefficients of P, from its Chebyshev expansion,
// computed with 40 digits. With t in front, the tail keeps its relative precision.
template <typename T> struct NormalTail;

template <> struct NormalTail<float> {
    static constexpr int terms = 12;
    static constexpr float of[terms] = {
        1.8882129e-01f, 1.5197416e-01f, 9.6784346e-02f, 4.663054e-02f,  1.5099162e-02f,  1.8844292e-03f,
        -8.6998864e-04f, -4.0551e-04f,  3.3413347e-05f, 5.3893444e-05f, -4.3277058e-07f, -5.295746e-06f};
};

template <> struct NormalTail<double> {
    static constexpr int terms = 25;
    static constexpr double of[terms] = {
        1.8882128260393788e-01,  1.5197416049297308e-01,  9.678435018555373e-02,   4.663046448990915e-02,
        1.5099143722729469e-02,  1.885047241846578e-03,   -8.699230917619934e-04,  -4.0770461685247714e-04,
        3.333607735295814e-05,   5.7773754340693565e-05,  -4.770615878536427e-07,  -8.786277975709413e-06,
        1.7916469102987802e-07,  1.4804027614809944e-06,  -1.5745918346230922e-07, -2.5619627541381934e-07,
        6.811574237786468e-08,   3.994349035559805e-08,   -2.1716617539994733e-08, -4.461231943245354e-09,
        5.356900960863089e-09,   1.4684066912467977e-10,  -9.326612704670926e-10,  2.999445507813274e-11,
        8.508280771623737e-11};
};

// The normal distribution function Φ(z) = ½(1 + erf(z/√2)) and its density φ(z), which share an exponential.
template <typename T> struct Normal {
    Vector<T> share, density;
};

template <typename T> inline Normal<T> normal_distribution(Vector<T> z) {
    const Vector<T> t = T(4) / (T(4) + absolute<T>(z)), s = T(2) * t - T(1);
    Vector<T> p = broadcast<T>(NormalTail<T>::of[NormalTail<T>::terms - 1]);
#pragma GCC unroll 32
    for (int k = NormalTail<T>::terms - 2; k >= 0; --k) p = p * s + NormalTail<T>::of[k];
    const Vector<T> power = exponential<T>(T(-0.5) * z * z), tail = power * (t * p);
    return {z > T(0) ? T(1) - tail : tail, power * static_cast<T>(0.39894228040143267794)};
}

// u turns as r with |r| <= ½ and the same direction, exactly. From 2²² turns on (double: 2⁵¹), where a number has no
// part of a turn to tell, r is 0; of infinity it is NaN.
template <typename T> inline Vector<T> part_of_turn(Vector<T> u) {
    const Vector<T> whole = (u + Exponential<T>::shift) - Exponential<T>::shift;
    return absolute<T>(u) < broadcast<T>(Exponential<T>::shift / T(3)) ? u - whole : u - u;
}

// sin 2πt for |t| <= ¼.
template <typename T> inline Vector<T> sine_of_quarter(Vector<T> t) {
    constexpr int terms = std::is_same_v<T, float> ? 6 : 11;
    const Vector<T> angle = t * static_cast<T>(6.28318530717958647693), square = angle * angle;
    Vector<T> p = broadcast<T>(T(1));  // 1 − x²/3! + x⁴/5! − …, innermost first
#pragma GCC unroll 12
    for (int k = terms - 1; k >= 1; --k) p = T(1) - square * p * (T(1) / static_cast<T>((2 * k) * (2 * k + 1)));
    return angle * p;
}

// cos 2πu, to two roundings of a number of the size 1: an angle that is given in turns loses nothing.
template <typename T> inline Vector<T> cosine_of_turns(Vector<T> u) {
    return sine_of_quarter<T>(T(0.25) - absolute<T>(part_of_turn<T>(u)));
}

// The cosine and sine of 2πu, likewise.
template <typename T> struct Direction {
    Vector<T> cosine, sine;
};

template <typename T> inline Direction<T> direction_of(Vector<T> u) {
    const Vector<T> part = part_of_turn<T>(u), size = absolute<T>(part);
    const Vector<T> sine = sine_of_quarter<T>(smaller<T>(size, T(0.5) - size));
    return {sine_of_quarter<T>(T(0.25) - size), part < T(0) ? -sine : sine};
}

}  // namespace pellucid::PELLUCID_ISA
