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

// Group normalization: as layer normalization, over a group of channels and all positions of an example. numbers: ε,
// the number of groups.
inline const char* check_group_normalization(const LayerSpec& spec) {
    const double groups = spec.numbers[1];
    if (!(groups >= 1.0 && groups <= static_cast<double>(spec.inputs) && is_whole(groups)) ||
        spec.inputs % static_cast<Index>(groups) != 0)
        return "the number of its groups divides its channels";
    return check_normalization(spec);
}

template <typename T> inline void group_normalization_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    lay_out_vectors(layer, 2);
    const Index groups = static_cast<Index>(layer.spec->numbers[1]);
    layer.constants = arena.take<T>(2 * rows / layer.spec->positions * groups);  // mean, 1/√(variance + ε)
}

// Calls f(constants, first row, first channel) for this part's groups.
template <typename T, typename F> inline void for_groups(const Work<T>& work, const Layer<T>& layer, F&& f) {
    const Index groups = static_cast<Index>(layer.spec->numbers[1]), width = layer.spec->inputs / groups;
    const Range mine = share(work.rows / layer.spec->positions * groups, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit)
        f(layer.constants + 2 * unit, unit / groups * layer.spec->positions, unit % groups * width);
}

// Σ f(row, channel) over a group: row by row, so that errors hardly grow with the number of positions.
template <typename T, typename F> inline T sum_of_group(const Layer<T>& layer, Index row, Index channel, F&& f) {
    const Index width = layer.spec->inputs / static_cast<Index>(layer.spec->numbers[1]);
    T total = T(0);
    for (Index p = 0; p < layer.spec->positions; ++p) {
        T sum = T(0);
        for (Index c = 0; c < width; ++c) sum += f(row + p, channel + c);
        total += sum;
    }
    return total;
}

template <typename T> inline void group_normalization_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index groups = static_cast<Index>(layer.spec->numbers[1]), width = layer.spec->inputs / groups;
    const T size = static_cast<T>(width * layer.spec->positions);
    for_groups(work, layer, [&](T* constants, Index row, Index channel) {
        const auto x = [&](Index r, Index c) { return number_at(layer.input, r, c); };
        const T mean = sum_of_group(layer, row, channel, x) / size;
        const T variance = sum_of_group(layer, row, channel, [&](Index r, Index c) {
                               return (x(r, c) - mean) * (x(r, c) - mean);
                           }) / size;
        const T inverse =
            T(1) / square_root<T>(broadcast<T>(variance + static_cast<T>(layer.spec->numbers[0])))[0];
        constants[0] = mean, constants[1] = inverse;
        for (Index r = row; r < row + layer.spec->positions; ++r)
            for (Index c = channel; c < channel + width; ++c)
                number_at(layer.output, r, c) =
                    layer.weights[layer.places[0].start + c] * ((x(r, c) - mean) * inverse) +
                    layer.weights[layer.places[1].start + c];
    });
}

template <typename T>
inline void group_normalization_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                         Matrix<T> input_gradient) {
    const Index groups = static_cast<Index>(layer.spec->numbers[1]), width = layer.spec->inputs / groups;
    const T size = static_cast<T>(width * layer.spec->positions);
    for_groups(work, layer, [&](T* constants, Index row, Index channel) {
        const T mean = constants[0], inverse = constants[1];
        const auto h = [&](Index r, Index c) {
            return number_at(gradient, r, c) * layer.weights[layer.places[0].start + c];
        };
        const auto normal = [&](Index r, Index c) { return (number_at(layer.input, r, c) - mean) * inverse; };
        if (!input_gradient.data) return;
        const T mean_of_h = sum_of_group(layer, row, channel, h) / size;
        const T mean_of_product =
            sum_of_group(layer, row, channel, [&](Index r, Index c) { return h(r, c) * normal(r, c); }) / size;
        for (Index r = row; r < row + layer.spec->positions; ++r)
            for (Index c = channel; c < channel + width; ++c)
                number_at(input_gradient, r, c) = (h(r, c) - mean_of_h - normal(r, c) * mean_of_product) * inverse;
        if (channel + width == layer.spec->inputs)
            clear_padding(input_gradient, {row, row + layer.spec->positions}, layer.spec->inputs);
    });
    work.meet();  // all have read γ
    for_column_vectors<T>(work, layer.spec->outputs, [&](Index p, Index half) {
        const auto g = [&](Index row) { return load<T>(gradient.at(p, row) + half * lanes<T>); };
        const Index first = p * panel<T> + half * lanes<T>;
        put_gradient<T>(work, layer, 0, p, half, sum_of_rows<T>(work.rows, [&](Index row) {
                            alignas(64) T normal[lanes<T>] = {};
                            const T* constants = layer.constants + 2 * (row / layer.spec->positions * groups);
                            for (Index lane = 0; lane < lanes<T> && first + lane < layer.spec->outputs; ++lane) {
                                const T* of_group = constants + 2 * ((first + lane) / width);
                                normal[lane] = (number_at(layer.input, row, first + lane) - of_group[0]) * of_group[1];
                            }
                            return g(row) * load<T>(normal);
                        }));
        put_gradient<T>(work, layer, 1, p, half, sum_of_rows<T>(work.rows, g));
    });
}

template <typename T>
constexpr LayerCode<T> group_normalization_code{
    .name = "group_normalization",
    .numbers = 2,
    .check = check_group_normalization,
    .reads_input = true,
    .lay_out = group_normalization_lay_out<T>,
    .forward = group_normalization_forward<T>,
    .backward = group_normalization_backward<T>,
};

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
