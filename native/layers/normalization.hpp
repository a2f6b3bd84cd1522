// Normalization: y = γ·x̂ + β with x̂ = (x − mean)/√(variance + ε).
//
//     batch_normalization   over the batch; in prediction, and of a single row, with running averages
//                           numbers: momentum, ε     statistics: mean, variance
//     layer_normalization   over each row            numbers: ε
//
// The means of a batch need all of it, so a program with a batch normalization trains in one piece. Every column
// belongs to one part of the team, which alone reads and changes its numbers.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_normalization(const LayerSpec& spec) {
    return spec.parameter_count == 2 && has_shape(spec, 0, 1, spec.outputs) && has_shape(spec, 1, 1, spec.outputs)
               ? nullptr
               : "a normalization has a scale and a shift for each output";
}

template <typename T> inline void batch_normalization_lay_out(Layer<T>& layer, Arena& arena, Index) {
    lay_out_vectors(layer, 2);
    layer.constants = arena.take<T>(3 * ceiling(layer.spec->outputs, panel<T>) * panel<T>);
}

// Mean, variance and 1/√(variance + ε) of the vector of columns that is at hand.
template <typename T> struct Moments {
    T *mean, *variance, *inverse;
};
template <typename T> inline Moments<T> moments_of(const Layer<T>& layer, Index panel_number, Index half) {
    const Index padded = ceiling(layer.spec->outputs, panel<T>) * panel<T>;
    T* first = layer.constants + panel_number * panel<T> + half * lanes<T>;
    return {first, first + padded, first + 2 * padded};
}

template <typename T> inline bool takes_own_moments(const Work<T>& work) { return work.training && work.rows > 1; }

template <typename T> inline void batch_normalization_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs;
    for_column_vectors<T>(work, width, [&](Index p, Index half) {
        const Moments<T> moments = moments_of(layer, p, half);
        const Index first = p * panel<T> + half * lanes<T>;
        const auto x = [&](Index row) { return load<T>(layer.input.at(p, row) + half * lanes<T>); };
        if (takes_own_moments(work)) {
            const T count = static_cast<T>(work.rows);
            const Vector<T> mean = sum_of_rows<T>(work.rows, x) / count;
            store<T>(moments.mean, mean);
            store<T>(moments.variance, sum_of_rows<T>(work.rows, [&](Index row) {
                         const Vector<T> difference = x(row) - mean;
                         return difference * difference;
                     }) / count);
        } else {
            for (Index j = 0; j < smaller_of(width - first, lanes<T>); ++j) {
                moments.mean[j] = static_cast<T>(layer.running[layer.spec->statistics[0] + first + j]);
                moments.variance[j] = static_cast<T>(layer.running[layer.spec->statistics[1] + first + j]);
            }
        }
        const Vector<T> mean = load<T>(moments.mean);
        const Vector<T> inverse =
            T(1) / square_root<T>(load<T>(moments.variance) + static_cast<T>(layer.spec->numbers[1]));
        store<T>(moments.inverse, inverse);
        const Vector<T> scale = load<T>(layer.weights + layer.places[0].start + first);
        const Vector<T> shift = load<T>(layer.weights + layer.places[1].start + first);
        for (Index row = 0; row < work.rows; ++row)
            store<T>(layer.output.at(p, row) + half * lanes<T>, scale * ((x(row) - mean) * inverse) + shift);
    });
}

// average ← (1 − momentum)·average + momentum·(the batch's mean; its variance · n/(n − 1))
template <typename T>
inline void move_running_averages(const Work<T>& work, const Layer<T>& layer, const Moments<T>& moments, Index first) {
    const double move = layer.spec->numbers[0], rows = static_cast<double>(work.rows);
    for (Index j = 0; j < smaller_of(layer.spec->outputs - first, lanes<T>); ++j) {
        double& mean = layer.running[layer.spec->statistics[0] + first + j];
        double& variance = layer.running[layer.spec->statistics[1] + first + j];
        mean = (1.0 - move) * mean + move * static_cast<double>(moments.mean[j]);
        variance = (1.0 - move) * variance + move * (static_cast<double>(moments.variance[j]) * (rows / (rows - 1.0)));
    }
}

// ∂x = γ/√(v + ε)·(g − mean(g) − x̂·mean(g·x̂)), or γ/√(v + ε)·g with running averages; ∂γ = Σ g·x̂, ∂β = Σ g
template <typename T>
inline void batch_normalization_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                         Matrix<T> input_gradient) {
    for_column_vectors<T>(work, layer.spec->outputs, [&](Index p, Index half) {
        const Moments<T> moments = moments_of(layer, p, half);
        const Index first = p * panel<T> + half * lanes<T>;
        const Vector<T> mean = load<T>(moments.mean), inverse = load<T>(moments.inverse);
        const Vector<T> scale = load<T>(layer.weights + layer.places[0].start + first);
        const auto g = [&](Index row) { return load<T>(gradient.at(p, row) + half * lanes<T>); };
        const auto normal = [&](Index row) {
            return (load<T>(layer.input.at(p, row) + half * lanes<T>) - mean) * inverse;
        };
        const Vector<T> of_scale = sum_of_rows<T>(work.rows, [&](Index row) { return g(row) * normal(row); });
        const Vector<T> of_shift = sum_of_rows<T>(work.rows, g);
        if (input_gradient.data) {
            const T share = takes_own_moments(work) ? T(1) / static_cast<T>(work.rows) : T(0);
            const Vector<T> mean_of_g = of_shift * share, mean_of_product = of_scale * share;
            for (Index row = 0; row < work.rows; ++row)
                store<T>(input_gradient.at(p, row) + half * lanes<T>,
                         (g(row) - mean_of_g - normal(row) * mean_of_product) * scale * inverse);
        }
        if (takes_own_moments(work)) move_running_averages(work, layer, moments, first);
        put_gradient<T>(work, layer, 0, p, half, of_scale);
        put_gradient<T>(work, layer, 1, p, half, of_shift);
    });
}

template <typename T> inline void layer_normalization_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    lay_out_vectors(layer, 2);
    layer.constants = arena.take<T>(2 * rows);  // of each row: mean, 1/√(variance + ε)
}

template <typename T> inline void layer_normalization_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs, vectors = ceiling(width, lanes<T>);
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row) {
        const auto x = [&](Index v) { return load<T>(vector_of(layer.input, row, v)); };
        Vector<T> sums = {};
        for (Index v = 0; v < vectors; ++v) sums += columns_of<T>(width, v) ? x(v) : Vector<T>{};
        const T mean = sum_of_lanes<T>(sums) / static_cast<T>(width);
        Vector<T> squares = {};
        for (Index v = 0; v < vectors; ++v) {
            const Vector<T> difference = columns_of<T>(width, v) ? x(v) - mean : Vector<T>{};
            squares += difference * difference;
        }
        const T variance = sum_of_lanes<T>(squares) / static_cast<T>(width);
        const Vector<T> root = square_root<T>(broadcast<T>(variance + static_cast<T>(layer.spec->numbers[0])));
        const T inverse = T(1) / root[0];
        layer.constants[2 * row] = mean;
        layer.constants[2 * row + 1] = inverse;
        for (Index v = 0; v < vectors; ++v) {
            const Vector<T> scale = load<T>(layer.weights + layer.places[0].start + v * lanes<T>);
            const Vector<T> shift = load<T>(layer.weights + layer.places[1].start + v * lanes<T>);
            store<T>(vector_of(layer.output, row, v), scale * ((x(v) - mean) * inverse) + shift);
        }
    }
}

// ∂x = 1/√(v + ε)·(h − mean(h) − x̂·mean(h·x̂)), h = γg, the means over the row; ∂γ = Σ g·x̂, ∂β = Σ g over the batch
template <typename T>
inline void layer_normalization_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                         Matrix<T> input_gradient) {
    const Index width = layer.spec->outputs, vectors = ceiling(width, lanes<T>);
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; input_gradient.data && row < mine.end; ++row) {
        const T mean = layer.constants[2 * row], inverse = layer.constants[2 * row + 1];
        const auto h = [&](Index v) {  // beyond the columns γ is 0
            return load<T>(vector_of(gradient, row, v)) *
                   load<T>(layer.weights + layer.places[0].start + v * lanes<T>);
        };
        const auto normal = [&](Index v) { return (load<T>(vector_of(layer.input, row, v)) - mean) * inverse; };
        Vector<T> sums = {}, products = {};
        for (Index v = 0; v < vectors; ++v) {
            sums += h(v);
            products += columns_of<T>(width, v) ? h(v) * normal(v) : Vector<T>{};
        }
        const T mean_of_h = sum_of_lanes<T>(sums) / static_cast<T>(width);
        const T mean_of_product = sum_of_lanes<T>(products) / static_cast<T>(width);
        for (Index v = 0; v < vectors; ++v) {
            const Vector<T> centred = h(v) - mean_of_h - normal(v) * mean_of_product;
            store<T>(vector_of(input_gradient, row, v), columns_of<T>(width, v) ? centred * inverse : Vector<T>{});
        }
    }
    work.meet();  // all have read γ
    for_column_vectors<T>(work, width, [&](Index p, Index half) {
        const auto g = [&](Index row) { return load<T>(gradient.at(p, row) + half * lanes<T>); };
        put_gradient<T>(work, layer, 0, p, half, sum_of_rows<T>(work.rows, [&](Index row) {
                            const Vector<T> x = load<T>(layer.input.at(p, row) + half * lanes<T>);
                            return g(row) * ((x - layer.constants[2 * row]) * layer.constants[2 * row + 1]);
                        }));
        put_gradient<T>(work, layer, 1, p, half, sum_of_rows<T>(work.rows, g));
    });
}

template <typename T>
constexpr LayerCode<T> batch_normalization_code{
    .name = "batch_normalization",
    .numbers = 2,
    .statistics = 2,
    .check = check_normalization,
    .in_place = true,
    .reads_input = true,
    .whole_batch = true,
    .lay_out = batch_normalization_lay_out<T>,
    .forward = batch_normalization_forward<T>,
    .backward = batch_normalization_backward<T>,
};

template <typename T>
constexpr LayerCode<T> layer_normalization_code{
    .name = "layer_normalization",
    .numbers = 1,
    .check = check_normalization,
    .reads_input = true,
    .lay_out = layer_normalization_lay_out<T>,
    .forward = layer_normalization_forward<T>,
    .backward = layer_normalization_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
