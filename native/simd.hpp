// Vectors of the machine, written with the compiler's vector extensions: no intrinsics, except where noted.
//
// Contract. Every header that is included from core.cpp lives in `namespace pellucid::PELLUCID_ISA`, a macro that
// CMake defines (v2, v3, v4, generic) because core.cpp is compiled once for each instruction set. Code compiled with
// different flags must never share a name, or the linker would keep one copy of the two and run AVX-512 where there
// is none; so these headers use nothing of the standard library but constants and the C functions the compiler
// knows by itself.
//
// A `Vector<T>` holds `lanes<T>` numbers. A *panel* is two vectors wide: `panel<T>` columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#ifndef PELLUCID_ISA
#error "PELLUCID_ISA names the namespace of the instruction set this file is compiled for"
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pellucid::PELLUCID_ISA {

using Index = std::ptrdiff_t;

#if defined(__AVX512F__)
constexpr Index vector_bytes = 64;
constexpr int tile_rows = 14;  // 14 x 2 sums, 2 factors, 1 broadcast: 31 of 32 registers
#elif defined(__AVX__)
constexpr Index vector_bytes = 32;
constexpr int tile_rows = 6;  // 6 x 2 sums of 16 registers
#elif defined(__aarch64__)
constexpr Index vector_bytes = 16;
constexpr int tile_rows = 12;
#else
constexpr Index vector_bytes = 16;
constexpr int tile_rows = 6;
#endif

template <typename T> constexpr Index lanes = vector_bytes / static_cast<Index>(sizeof(T));
template <typename T> constexpr Index panel = 2 * lanes<T>;

template <typename T> struct VectorOf;
template <> struct VectorOf<float> {
    typedef float Numbers __attribute__((vector_size(vector_bytes)));
    typedef std::int32_t Integers __attribute__((vector_size(vector_bytes)));
    using Integer = std::int32_t;
};
template <> struct VectorOf<double> {
    typedef double Numbers __attribute__((vector_size(vector_bytes)));
    typedef std::int64_t Integers __attribute__((vector_size(vector_bytes)));
    using Integer = std::int64_t;
};
template <typename T> using Vector = typename VectorOf<T>::Numbers;
template <typename T> using Integers = typename VectorOf<T>::Integers;  // also the result of a comparison: 0 or -1

template <typename T> inline Vector<T> load(const T* from) {
    Vector<T> value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}

template <typename T> inline void store(T* to, Vector<T> value) { __builtin_memcpy(to, &value, sizeof value); }

template <typename T> inline Vector<T> broadcast(T number) { return number - Vector<T>{}; }

template <typename T> inline Vector<T> select(Integers<T> condition, Vector<T> yes, Vector<T> no) {
    return condition ? yes : no;
}

template <typename T> inline Vector<T> larger(Vector<T> a, Vector<T> b) { return a > b ? a : b; }
template <typename T> inline Vector<T> smaller(Vector<T> a, Vector<T> b) { return a < b ? a : b; }
template <typename T> inline Vector<T> absolute(Vector<T> x) { return x < T(0) ? -x : x; }

// Masked with all ones: the plain intrinsics start from an undefined register, of which GCC warns.
template <typename T> inline Vector<T> square_root(Vector<T> x) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>) return (Vector<T>)_mm512_maskz_sqrt_ps(0xFFFF, (__m512)x);
    else return (Vector<T>)_mm512_maskz_sqrt_pd(0xFF, (__m512d)x);
#elif defined(__AVX__)
    if constexpr (std::is_same_v<T, float>) return (Vector<T>)_mm256_sqrt_ps((__m256)x);
    else return (Vector<T>)_mm256_sqrt_pd((__m256d)x);
#elif defined(__x86_64__)
    if constexpr (std::is_same_v<T, float>) return (Vector<T>)_mm_sqrt_ps((__m128)x);
    else return (Vector<T>)_mm_sqrt_pd((__m128d)x);
#else
    for (Index lane = 0; lane < lanes<T>; ++lane) {
        if constexpr (std::is_same_v<T, float>) x[lane] = __builtin_sqrtf(x[lane]);
        else x[lane] = __builtin_sqrt(x[lane]);
    }
    return x;
#endif
}

// 0, 1, 2 … in the lanes.
template <typename T> inline Integers<T> lane_numbers() {
    Integers<T> numbers;
    for (Index lane = 0; lane < lanes<T>; ++lane) numbers[lane] = static_cast<typename VectorOf<T>::Integer>(lane);
    return numbers;
}

// All ones in the first `count` lanes.
template <typename T> inline Integers<T> first_lanes(Index count) {
    return lane_numbers<T>() < static_cast<typename VectorOf<T>::Integer>(count);
}

// Halves are folded upon each other: always the same order, a short chain.
template <typename T> inline T sum_of_lanes(Vector<T> x) {
    T part[lanes<T>];
    store<T>(part, x);
    for (Index half = lanes<T> / 2; half > 0; half /= 2)
        for (Index lane = 0; lane < half; ++lane) part[lane] += part[lane + half];
    return part[0];
}

template <typename T> inline T largest_lane(Vector<T> x) {
    T part[lanes<T>];
    store<T>(part, x);
    for (Index half = lanes<T> / 2; half > 0; half /= 2)
        for (Index lane = 0; lane < half; ++lane)
            part[lane] = part[lane + half] > part[lane] ? part[lane + half] : part[lane];
    return part[0];
}

inline Index smaller_of(Index a, Index b) { return a < b ? a : b; }
inline Index larger_of(Index a, Index b) { return a > b ? a : b; }
inline Index ceiling(Index a, Index b) { return (a + b - 1) / b; }

// What part `part` of `parts` gets of `count` things: [begin, end), as even as can be.
struct Range {
    Index begin, end;
};
inline Range share(Index count, Index part, Index parts) {
    return {count * part / parts, count * (part + 1) / parts};
}

}  // namespace pellucid::PELLUCID_ISA
