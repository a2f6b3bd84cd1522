// Losses: the loss of each example and its gradient, times the example's share in the mean.
//
// Contract. A loss sees a block: `lanes` examples side by side, one in each lane, so that a sum over the outputs is a
// plain loop. `evaluate` answers the losses of the block's examples and writes its gradient. A target is a number for
// each output, or a class, which stands for a row with a single 1. What it does in lanes that hold no example is of no
// account. A new loss: one function, and a line in the table.
#pragma once

#include "core.hpp"
#include "math.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> struct LossBlock {
    Index width;        // outputs
    const T* scores;    // (width, lanes)
    T* gradient;        // (width, lanes)
    const T* targets;   // (width, lanes), or null: classes
    Integers<T> classes;
    Vector<T> share;  // of each example in the mean: 1/n, or wᵢ/Σw
    const double* numbers;

    Vector<T> score(Index j) const { return load<T>(scores + j * lanes<T>); }
    Vector<T> target(Index j) const {
        if (targets) return load<T>(targets + j * lanes<T>);
        return classes == static_cast<typename VectorOf<T>::Integer>(j) ? broadcast<T>(T(1)) : Vector<T>{};
    }
    void set_gradient(Index j, Vector<T> value) const { store<T>(gradient + j * lanes<T>, value * share); }
};

template <typename T> struct LossCode {
    const char* name;
    Vector<T> (*evaluate)(const LossBlock<T>& block);
};

// ½ Σⱼ (aⱼ − yⱼ)²; a − y
template <typename T> inline Vector<T> squared_error(const LossBlock<T>& block) {
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> difference = block.score(j) - block.target(j);
        sum += difference * difference;
        block.set_gradient(j, difference);
    }
    return T(0.5) * sum;
}

// Σⱼ yⱼ (log Σₖ exp(zₖ − m) − (zⱼ − m)) with m = max z; softmax(z) − y. The sum of y is 1.
template <typename T> inline Vector<T> softmax_cross_entropy(const LossBlock<T>& block) {
    Vector<T> highest = block.score(0);
    for (Index j = 1; j < block.width; ++j) highest = larger<T>(block.score(j), highest);
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> power = exponential<T>(block.score(j) - highest);
        store<T>(block.gradient + j * lanes<T>, power);
        sum += power;
    }
    const Vector<T> normalizer = logarithm<T>(sum), inverse = T(1) / sum;
    Vector<T> losses = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> y = block.target(j);
        losses += y != T(0) ? y * (normalizer - (block.score(j) - highest)) : Vector<T>{};
        block.set_gradient(j, load<T>(block.gradient + j * lanes<T>) * inverse - y);
    }
    return losses;
}

// Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))]; σ(z) − y
template <typename T> inline Vector<T> sigmoid_cross_entropy(const LossBlock<T>& block) {
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> z = block.score(j), y = block.target(j);
        const Vector<T> power = exponential<T>(-absolute<T>(z));  // both σ(z) and the logarithm come from it
        sum += (z > T(0) ? z : Vector<T>{}) - z * y + log_one_plus<T>(power);
        block.set_gradient(j, (z < T(0) ? power : broadcast<T>(T(1))) / (T(1) + power) - y);
    }
    return sum;
}

template <typename T>
constexpr LossCode<T> loss_table[] = {
    {"squared_error", squared_error<T>},
    {"softmax_cross_entropy", softmax_cross_entropy<T>},
    {"sigmoid_cross_entropy", sigmoid_cross_entropy<T>},
};

// 1 where the scores predict the target, else 0. Ties: the lowest class.
template <typename T> inline Vector<T> predicted_right(const LossBlock<T>& block, Link link) {
    const Vector<T> one = broadcast<T>(T(1));
    if (link == Link::sigmoid) {
        Integers<T> wrong = {};
        for (Index j = 0; j < block.width; ++j) wrong |= (block.score(j) > T(0)) != (block.target(j) > T(0.5));
        return wrong ? Vector<T>{} : one;
    }
    Vector<T> highest = block.score(0), most = block.target(0);
    Integers<T> predicted = {}, truth = {};
    for (Index j = 1; j < block.width; ++j) {
        const Integers<T> here = Integers<T>{} + static_cast<typename VectorOf<T>::Integer>(j);
        const Vector<T> score = block.score(j);
        predicted = score > highest ? here : predicted;
        highest = larger<T>(score, highest);
        if (!block.targets) continue;
        truth = block.target(j) > most ? here : truth;
        most = larger<T>(block.target(j), most);
    }
    return predicted == (block.targets ? truth : block.classes) ? one : Vector<T>{};
}

}  // namespace pellucid::PELLUCID_ISA
