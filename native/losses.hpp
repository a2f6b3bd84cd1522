// Losses: the loss of each example and its gradient, times the example's share in the mean.
//
// Contract. `evaluate(work, row)` writes work.values[row] and the row of work.gradient, whose padding it leaves at zero.
// A target is a row of numbers, or a class, which stands for a row with a single 1. A new loss: one function, and a
// line in the table.
#pragma once

#include "core.hpp"
#include "gemm.hpp"
#include "layers/layer.hpp"
#include "math.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> struct LossWork {
    Matrix<T> scores, gradient, targets;
    const std::int64_t* classes;  // of the rows, or null
    const T* shares;              // of each row in the mean: 1/n, or wᵢ/Σw
    T* values;
    Index width;
    const double* numbers;

    Vector<T> target(Index row, Index number) const {
        if (!classes) return load<T>(vector_of(targets, row, number));
        using Integer = typename VectorOf<T>::Integer;
        const Integers<T> column = lane_numbers<T>() + static_cast<Integer>(number * lanes<T>);
        return column == static_cast<Integer>(classes[row]) ? broadcast<T>(T(1)) : Vector<T>{};
    }
};

template <typename T> struct LossCode {
    const char* name;
    void (*evaluate)(const LossWork<T>& work, Index row);
};

// ½ Σⱼ (aⱼ − yⱼ)²; a − y
template <typename T> inline void squared_error(const LossWork<T>& work, Index row) {
    Vector<T> sums = {};
    for (Index v = 0; v < ceiling(work.width, lanes<T>); ++v) {
        const Vector<T> difference = load<T>(vector_of(work.scores, row, v)) - work.target(row, v);
        const Vector<T> inside = columns_of<T>(work.width, v) ? difference : Vector<T>{};
        sums += inside * inside;
        store<T>(vector_of(work.gradient, row, v), inside * work.shares[row]);
    }
    work.values[row] = T(0.5) * sum_of_lanes<T>(sums);
}

// log Σₖ exp(zₖ − m) − Σⱼ yⱼ (zⱼ − m) with m = max z; softmax(z) − y. The sum of y is 1.
template <typename T> inline void softmax_cross_entropy(const LossWork<T>& work, Index row) {
    const Index vectors = ceiling(work.width, lanes<T>);
    const Vector<T> least = broadcast<T>(static_cast<T>(-__builtin_inf()));
    Vector<T> highest = least;
    for (Index v = 0; v < vectors; ++v) {
        const Vector<T> z = columns_of<T>(work.width, v) ? load<T>(vector_of(work.scores, row, v)) : least;
        highest = z > highest ? z : highest;
    }
    const T shift = largest_lane<T>(highest);
    Vector<T> sums = {};
    for (Index v = 0; v < vectors; ++v) {
        const Vector<T> power = exponential<T>(load<T>(vector_of(work.scores, row, v)) - shift);
        const Vector<T> inside = columns_of<T>(work.width, v) ? power : Vector<T>{};
        store<T>(vector_of(work.gradient, row, v), inside);
        sums += inside;
    }
    const T sum = sum_of_lanes<T>(sums);
    const T normalizer = logarithm<T>(broadcast<T>(sum))[0];
    Vector<T> losses = {};
    for (Index v = 0; v < vectors; ++v) {
        const Vector<T> shifted = load<T>(vector_of(work.scores, row, v)) - shift;
        const Vector<T> y = columns_of<T>(work.width, v) ? work.target(row, v) : Vector<T>{};
        losses += y != T(0) ? y * (normalizer - shifted) : Vector<T>{};
        T* gradient = vector_of(work.gradient, row, v);
        store<T>(gradient, (load<T>(gradient) / sum - y) * work.shares[row]);
    }
    work.values[row] = sum_of_lanes<T>(losses);
}

// Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))]; σ(z) − y
template <typename T> inline void sigmoid_cross_entropy(const LossWork<T>& work, Index row) {
    Vector<T> sums = {};
    for (Index v = 0; v < ceiling(work.width, lanes<T>); ++v) {
        const Integers<T> inside = columns_of<T>(work.width, v);
        const Vector<T> z = load<T>(vector_of(work.scores, row, v)), y = work.target(row, v);
        const Vector<T> power = exponential<T>(-absolute<T>(z));  // both logistic(z) and the logarithm come from it
        const Vector<T> value = (z > T(0) ? z : Vector<T>{}) - z * y + log_one_plus<T>(power);
        const Vector<T> sigmoid = (z < T(0) ? power : broadcast<T>(T(1))) / (T(1) + power);
        sums += inside ? value : Vector<T>{};
        store<T>(vector_of(work.gradient, row, v), inside ? (sigmoid - y) * work.shares[row] : Vector<T>{});
    }
    work.values[row] = sum_of_lanes<T>(sums);
}

template <typename T>
constexpr LossCode<T> loss_table[] = {
    {"squared_error", squared_error<T>},
    {"softmax_cross_entropy", softmax_cross_entropy<T>},
    {"sigmoid_cross_entropy", sigmoid_cross_entropy<T>},
};

// Whether a row of scores predicts its target.
template <typename T> inline bool is_right(const LossWork<T>& work, Link link, Index row) {
    const auto number = [&](Matrix<T> m, Index j) { return m.at(j / panel<T>, row)[j % panel<T>]; };
    const auto target = [&](Index j) { return work.classes ? T(work.classes[row] == j) : number(work.targets, j); };
    if (link == Link::sigmoid) {
        for (Index j = 0; j < work.width; ++j)
            if ((number(work.scores, j) > T(0)) != (target(j) > T(0.5))) return false;
        return true;
    }
    Index predicted = 0, truth = 0;  // ties: the lowest
    for (Index j = 1; j < work.width; ++j) {
        if (number(work.scores, j) > number(work.scores, predicted)) predicted = j;
        if (!work.classes && target(j) > target(truth)) truth = j;
    }
    return predicted == (work.classes ? static_cast<Index>(work.classes[row]) : truth);
}

}  // namespace pellucid::PELLUCID_ISA
