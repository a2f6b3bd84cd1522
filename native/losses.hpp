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
    Index step;         // how far the vectors of two outputs are apart, in the three arrays
    const T* scores;    // (width, lanes)
    T* gradient;        // (width, lanes)
    const T* targets;   // (width, lanes), or null: classes
    Integers<T> classes;
    Vector<T> share;  // of each example in the mean: 1/n, or wᵢ/Σw
    const double* numbers;

    Vector<T> score(Index j) const { return load<T>(scores + j * step); }
    Vector<T> target(Index j) const {
        if (targets) return load<T>(targets + j * step);
        return classes == static_cast<typename VectorOf<T>::Integer>(j) ? broadcast<T>(T(1)) : Vector<T>{};
    }
    void set_gradient(Index j, Vector<T> value) const { store<T>(gradient + j * step, value * share); }
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

// Σⱼ value(zⱼ, yⱼ, j), and derivative(zⱼ, yⱼ, j) as the gradient, for losses that are sums over the outputs.
template <typename T, typename F, typename G>
inline Vector<T> sum_over_outputs(const LossBlock<T>& block, F&& value, G&& derivative) {
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> z = block.score(j), y = block.target(j);
        sum += value(z, y, j);
        block.set_gradient(j, derivative(z, y, j));
    }
    return sum;
}

// Σⱼ |zⱼ − yⱼ|; sign(z − y). NaN stays NaN.
template <typename T> inline Vector<T> absolute_error(const LossBlock<T>& block) {
    const Vector<T> one = broadcast<T>(T(1));
    return sum_over_outputs<T>(
        block, [](Vector<T> z, Vector<T> y, Index) { return absolute<T>(z - y); },
        [=](Vector<T> z, Vector<T> y, Index) { return z > y ? one : (z < y ? -one : z - y); });
}

// Σⱼ ½n² + δ(|r| − n) with r = z − y and n = min(|r|, δ); r clipped to [−δ, δ]. numbers: δ.
template <typename T> inline Vector<T> huber(const LossBlock<T>& block) {
    const Vector<T> delta = broadcast<T>(static_cast<T>(block.numbers[0]));
    return sum_over_outputs<T>(
        block,
        [=](Vector<T> z, Vector<T> y, Index) {
            const Vector<T> size = absolute<T>(z - y), near = size > delta ? delta : size;
            return T(0.5) * near * near + delta * (size - near);
        },
        [=](Vector<T> z, Vector<T> y, Index) {
            const Vector<T> r = z - y;
            return r > delta ? delta : (r < -delta ? -delta : r);
        });
}

// Σⱼ max(qⱼrⱼ, (qⱼ − 1)rⱼ) with r = y − z; −q where r > 0, 1 − q where r < 0, else 0. numbers: q of each output.
template <typename T> inline Vector<T> quantile(const LossBlock<T>& block) {
    const auto level = [&](Index j) { return broadcast<T>(static_cast<T>(block.numbers[j])); };
    return sum_over_outputs<T>(
        block,
        [&](Vector<T> z, Vector<T> y, Index j) {
            const Vector<T> q = level(j), r = y - z;
            return r > T(0) ? q * r : (q - T(1)) * r;
        },
        [&](Vector<T> z, Vector<T> y, Index j) {
            const Vector<T> q = level(j), r = y - z;
            return r > T(0) ? -q : (r < T(0) ? T(1) - q : r);
        });
}

// Σⱼ exp(zⱼ) − yⱼzⱼ; exp(z) − y
template <typename T> inline Vector<T> poisson(const LossBlock<T>& block) {
    return sum_over_outputs<T>(
        block, [](Vector<T> z, Vector<T> y, Index) { return exponential<T>(z) - y * z; },
        [](Vector<T> z, Vector<T> y, Index) { return exponential<T>(z) - y; });
}

// A class c: Σ over j ≠ c of max(0, margin − z_c + zⱼ); 1 for each j inside the margin, minus their number for c.
// A single output with a target of 1 or 0: max(0, margin − s·z), s = 2y − 1; −s inside the margin. numbers: margin.
template <typename T> inline Vector<T> hinge(const LossBlock<T>& block) {
    const T margin = static_cast<T>(block.numbers[0]);
    if (block.targets) {
        const auto violation = [=](Vector<T> z, Vector<T> y) { return margin - (T(2) * y - T(1)) * z; };
        return sum_over_outputs<T>(
            block,
            [=](Vector<T> z, Vector<T> y, Index) {
                const Vector<T> v = violation(z, y);
                return v < T(0) ? Vector<T>{} : v;
            },
            [=](Vector<T> z, Vector<T> y, Index) {
                return violation(z, y) > T(0) ? T(1) - T(2) * y : Vector<T>{};
            });
    }
    // No class is taken as a place in memory: somebody may change the caller's array while it is read.
    Vector<T> own = {}, count = {};  // z_c; how many are inside the margin
    for (Index j = 0; j < block.width; ++j) own = block.target(j) != T(0) ? block.score(j) : own;
    const Vector<T> one = broadcast<T>(T(1)), start = margin - own;
    const Vector<T> sum = sum_over_outputs<T>(
        block,
        [=](Vector<T> z, Vector<T> y, Index) {
            const Vector<T> violation = y != T(0) ? Vector<T>{} : z + start;
            return violation < T(0) ? Vector<T>{} : violation;
        },
        [&](Vector<T> z, Vector<T> y, Index) {
            const Vector<T> inside = y != T(0) ? Vector<T>{} : (z + start > T(0) ? one : Vector<T>{});
            count += inside;
            return inside;
        });
    for (Index j = 0; j < block.width; ++j) {
        T* place = block.gradient + j * block.step;
        store<T>(place, block.target(j) != T(0) ? -count * block.share : load<T>(place));
    }
    return sum;
}

// Σⱼ yⱼ (log Σₖ exp(zₖ − m) − (zⱼ − m)) with m = max z; softmax(z) − y. The sum of y is 1. numbers: ε, how much of y is
// spread evenly.
template <typename T> inline Vector<T> softmax_cross_entropy(const LossBlock<T>& block) {
    Vector<T> highest = block.score(0);
    for (Index j = 1; j < block.width; ++j) highest = larger<T>(block.score(j), highest);
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> power = exponential<T>(block.score(j) - highest);
        store<T>(block.gradient + j * block.step, power);
        sum += power;
    }
    const T stays = static_cast<T>(1.0 - block.numbers[0]);
    const T even = static_cast<T>(block.numbers[0]) / static_cast<T>(block.width);
    const Vector<T> normalizer = logarithm<T>(sum), inverse = T(1) / sum;
    Vector<T> losses = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> y = stays * block.target(j) + even;
        losses += y != T(0) ? y * (normalizer - (block.score(j) - highest)) : Vector<T>{};
        block.set_gradient(j, load<T>(block.gradient + j * block.step) * inverse - y);
    }
    return losses;
}

// Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))]; σ(z) − y, with y ← (1 − ε)·y + ε/2. numbers: ε.
template <typename T> inline Vector<T> sigmoid_cross_entropy(const LossBlock<T>& block) {
    const T stays = T(1) - static_cast<T>(block.numbers[0]), even = static_cast<T>(block.numbers[0]) / T(2);
    Vector<T> sum = {};
    for (Index j = 0; j < block.width; ++j) {
        const Vector<T> z = block.score(j), y = stays * block.target(j) + even;
        const Vector<T> power = exponential<T>(-absolute<T>(z));  // both σ(z) and the logarithm come from it
        sum += (z > T(0) ? z : Vector<T>{}) - z * y + log_one_plus<T>(power);
        block.set_gradient(j, (z < T(0) ? power : broadcast<T>(T(1))) / (T(1) + power) - y);
    }
    return sum;
}

template <typename T>
constexpr LossCode<T> loss_table[] = {
    {"squared_error", squared_error<T>},
    {"absolute_error", absolute_error<T>},
    {"huber", huber<T>},
    {"quantile", quantile<T>},
    {"poisson", poisson<T>},
    {"hinge", hinge<T>},
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
