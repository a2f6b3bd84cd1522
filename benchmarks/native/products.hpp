// What the program and the cores agree on: one matrix product of a dense layer, and how to time it.
//
// Contract. Everybody gets the same numbers to multiply, and answers with the length of the result, by which one sees
// that all have computed the same. The clock runs while the product is repeated, after it was made once. Functions in
// this header are always inlined: no copy of one may be shared between instruction sets.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace pellucid {

using Index = std::ptrdiff_t;

enum class Pass { scores, weight_gradient, input_gradient };

// X (rows, inputs), W (inputs, outputs), dY (rows, outputs): XW, XᵀdY or dY Wᵀ.
struct Shape {
    Pass pass;
    Index rows, inputs, outputs;

    [[gnu::always_inline]] bool reads_examples() const { return pass != Pass::input_gradient; }
    [[gnu::always_inline]] bool reads_weight() const { return pass != Pass::weight_gradient; }
    [[gnu::always_inline]] Index result_rows() const { return pass == Pass::weight_gradient ? inputs : rows; }
    [[gnu::always_inline]] Index result_columns() const { return pass == Pass::input_gradient ? inputs : outputs; }
};

struct Timing {
    double seconds;  // of one product
    double length;   // √Σ y² of the result
};

// Element (i, j) of the operand `which`: between −1 and 1, the same everywhere.
[[gnu::always_inline]] inline float operand(int which, Index i, Index j) {
    std::uint32_t word = static_cast<std::uint32_t>(which) * 0x9E3779B9u + static_cast<std::uint32_t>(i) * 0x85EBCA6Bu +
                         static_cast<std::uint32_t>(j) * 0xC2B2AE35u;
    word = (word ^ word >> 15) * 0x2C1B3C6Du;
    word ^= word >> 12;
    return static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31f;
}

using TimeProduct = Timing (*)(const Shape& shape, Index repeats, int threads);

}  // namespace pellucid
