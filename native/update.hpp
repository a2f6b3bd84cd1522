// What surrounds every optimizer, in this order: the penalty's gradient, clipping (each number, then the length of the
// whole gradient), the decay of the weights, the optimizer's step, the limit on the length of columns, the average.
//
// Contract. All but two work on any stretch of the packed vectors by itself, so a layer applies them as soon as it
// knows a piece of its gradient. The length of the gradient and that of a column need more than a stretch: where one of
// them is asked for, the whole step waits for the end of the backward pass (`finish_step` in run.hpp).
#pragma once

#include "core.hpp"
#include "optimizers.hpp"
#include "penalties.hpp"

namespace pellucid::PELLUCID_ISA {

// The packed vectors of all parameters, and what turns a gradient into a step. `gradient` is null where no step needs
// the whole of it: each stretch is used up as soon as it is known, while it is in the cache.
template <typename T> struct Update {
    Stretch<T> vectors;
    T* gradient;
    const OptimizerCode<T>* optimizer;
    const PenaltyCode<T>* penalty;
    const double* penalty_numbers;
    UpdateOptions options;
    T* average;  // the slot behind the optimizer's, or null
    // of this step:
    T constants[most_constants];
    double memory[most_memory];
    T decay, average_stays;
    double penalty_now[most_penalty_numbers];

    bool at_once() const { return options.clip_norm == 0.0 && options.max_norm == 0.0; }

    // `share` is what the penalty is multiplied with.
    void prepare(const double* numbers, double rate, double weight_decay, double step, bool starts_average,
                 double share) {
        optimizer->prepare(numbers, rate, step, memory, constants);
        decay = static_cast<T>(rate * weight_decay);
        average_stays = starts_average ? T(0) : static_cast<T>(options.average);
        for (int i = 0; penalty && i < most_penalty_numbers; ++i) penalty_now[i] = share * penalty_numbers[i];
    }

    // Brings into the cache what `apply` will need.
    void fetch(Index start, Index count) const {
        const int slots = optimizer->slots + (average ? 1 : 0);
        for (Index i = start; i < start + count; i += 64 / static_cast<Index>(sizeof(T))) {
            __builtin_prefetch(vectors.weights + i, 1);
            for (int s = 0; s < slots; ++s) __builtin_prefetch(vectors.slots[s] + i, 1);
        }
    }

    // Makes `of`, the gradient of the parameters from `start` on, complete but for the clipping of its length.
    void finish_gradient(Index start, T* of, Index count, bool penalized) const {
        if (penalty && penalized) penalty->add_gradient(penalty_now, vectors.weights + start, of, count);
        if (options.clip_value == 0.0) return;
        const Vector<T> most = broadcast<T>(static_cast<T>(options.clip_value));
        for (Index i = 0; i < count; i += lanes<T>) {
            const Vector<T> g = load<T>(of + i);  // in this order NaN stays NaN
            store<T>(of + i, g > most ? most : (g < -most ? -most : g));
        }
    }

    void step(Index start, const T* of, Index count, bool penalized) const {
        const T* factors = vectors.factors ? vectors.factors + start : nullptr;
        T* weights = vectors.weights + start;
        if (decay != T(0) && penalized)
            for (Index i = 0; i < count; i += lanes<T>) {
                const Vector<T> factor = factors ? load<T>(factors + i) : broadcast<T>(T(1));
                store<T>(weights + i, load<T>(weights + i) * (T(1) - decay * factor));
            }
        Stretch<T> stretch{weights, of, {}, factors, count};
        for (int s = 0; s < optimizer->slots; ++s) stretch.slots[s] = vectors.slots[s] + start;
        optimizer->update(constants, stretch);
    }

    // a ← stays·a + (1 − stays)·w
    void move_average(Index start, Index count) const {
        for (Index i = start; average && i < start + count; i += lanes<T>)
            store<T>(average + i,
                     average_stays * load<T>(average + i) + (T(1) - average_stays) * load<T>(vectors.weights + i));
    }

    // All of it, where nothing must wait; may change the gradient it is given.
    void apply(Index start, T* of, Index count, bool penalized) const {
        finish_gradient(start, of, count, penalized);
        step(start, of, count, penalized);
        move_average(start, count);
    }
};

template <typename T> inline void scale(T* numbers, Index count, T factor) {
    for (Index i = 0; i < count; i += lanes<T>) store<T>(numbers + i, load<T>(numbers + i) * factor);
}

// Brings each column of one panel (rows, panel<T>) back to the length `limit`.
template <typename T> inline void limit_columns(T* weights, Index rows, double limit) {
    double squares[panel<T>] = {};
    T factors[panel<T>];
    for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < panel<T>; ++j) {
            const double w = static_cast<double>(weights[row * panel<T> + j]);
            squares[j] += w * w;
        }
    for (Index j = 0; j < panel<T>; ++j) {
        const double length = __builtin_sqrt(squares[j]);
        factors[j] = static_cast<T>(length > limit ? limit / length : 1.0);
    }
    for (Index row = 0; row < rows; ++row)
        for (Index j = 0; j < panel<T>; j += lanes<T>) {
            T* w = weights + row * panel<T> + j;
            store<T>(w, load<T>(w) * load<T>(factors + j));
        }
}

}  // namespace pellucid::PELLUCID_ISA
