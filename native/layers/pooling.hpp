// Pooling: of each window and channel the largest number, or the mean. Padding never wins, and never counts.
//
// numbers: as of a convolution (convolution.hpp). The maximum's gradient goes to the first tap that has it, whose
// number is kept.
#pragma once

#include "convolution.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_pooling(const LayerSpec& spec) {
    if (spec.inputs != spec.outputs) return "a pooling keeps the channels";
    if (const char* wrong = check_windows(spec)) return wrong;
    const Sliding s = sliding_of(spec);
    for (int axis = 0; axis < 2; ++axis) {
        const Index size = axis == 0 ? s.height : s.width;
        if (s.padding[axis] > (s.kernel[axis] - 1) * s.dilation[axis] ||
            (s.outputs[axis] - 1) * s.stride[axis] >= size + s.padding[axis])
            return "a window of a pooling holds nothing but padding";
    }
    return check_no_parameters(spec);
}

// Calls f(tap, row of the input) for the taps of window (i, j) of an example that are no padding; returns their number.
template <typename F> inline Index for_taps(const Sliding& s, Index example, Index i, Index j, F&& f) {
    Index count = 0;
    for (Index a = 0; a < s.kernel[0]; ++a) {
        const Index line = i * s.stride[0] + a * s.dilation[0] - s.padding[0];
        if (line < 0 || line >= s.height) continue;
        for (Index b = 0; b < s.kernel[1]; ++b) {
            const Index column = j * s.stride[1] + b * s.dilation[1] - s.padding[1];
            if (column < 0 || column >= s.width) continue;
            f(a * s.kernel[1] + b, (example * s.height + line) * s.width + column);
            ++count;
        }
    }
    return count;
}

// Calls f(example, i, j, row of the output, number of the vector) for this part's share, which are whole examples of a
// vector of channels: nobody else touches their gradient.
template <typename T, typename F>
inline void for_windows(const Work<T>& work, const LayerSpec& spec, const Sliding& s, F&& f) {
    const Index vectors = ceiling(spec.outputs, lanes<T>);
    const Range mine = share(work.rows / spec.positions * vectors, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index example = unit / vectors, number = unit % vectors;
        for (Index i = 0; i < s.outputs[0]; ++i)
            for (Index j = 0; j < s.outputs[1]; ++j)
                f(example, i, j, example * spec.output_positions + i * s.outputs[1] + j, number);
    }
}

// The gradient of the input begins at zero, in the same share.
template <typename T>
inline void clear_inputs(const Work<T>& work, const LayerSpec& spec, Matrix<T> input_gradient) {
    const Index vectors = ceiling(spec.outputs, lanes<T>);
    const Range mine = share(work.rows / spec.positions * vectors, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit)
        for (Index row = unit / vectors * spec.positions, end = row + spec.positions; row < end; ++row)
            store<T>(vector_of(input_gradient, row, unit % vectors), Vector<T>{});
}

template <typename T> inline void max_pooling_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    const Index windows = rows / layer.spec->positions * layer.spec->output_positions;
    layer.scratch = take_matrix<T>(arena, windows, layer.spec->outputs);  // the taps that won
}

template <typename T> inline void max_pooling_forward(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    for_windows<T>(work, spec, s, [&](Index example, Index i, Index j, Index row, Index number) {
        Vector<T> best = {}, winner = {};
        bool first = true;
        for_taps(s, example, i, j, [&](Index tap, Index from) {
            const Vector<T> other = load<T>(vector_of(layer.input, from, number));
            const Vector<T> place = broadcast<T>(static_cast<T>(tap));
            const Integers<T> wins = (best == best) & ~(other <= best);  // the first NaN wins, as in NumPy
            best = first ? other : select<T>(wins, other, best);
            winner = first ? place : select<T>(wins, place, winner);
            first = false;
        });
        store<T>(vector_of(layer.output, row, number), best);
        store<T>(vector_of(layer.scratch, row, number), winner);
    });
}

template <typename T>
inline void max_pooling_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                 Matrix<T> input_gradient) {
    if (!input_gradient.data) return;
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    clear_inputs(work, spec, input_gradient);
    for_windows<T>(work, spec, s, [&](Index example, Index i, Index j, Index row, Index number) {
        const Vector<T> g = load<T>(vector_of(gradient, row, number));
        const Vector<T> winner = load<T>(vector_of(layer.scratch, row, number));
        for_taps(s, example, i, j, [&](Index tap, Index to) {
            T* place = vector_of(input_gradient, to, number);
            const Integers<T> wins = winner == broadcast<T>(static_cast<T>(tap));
            store<T>(place, load<T>(place) + select<T>(wins, g, Vector<T>{}));
        });
    });
}

template <typename T> inline void average_pooling_forward(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    for_windows<T>(work, spec, s, [&](Index example, Index i, Index j, Index row, Index number) {
        Vector<T> sum = {};
        const Index count = for_taps(s, example, i, j, [&](Index, Index from) {
            sum += load<T>(vector_of(layer.input, from, number));
        });
        store<T>(vector_of(layer.output, row, number), sum / broadcast<T>(static_cast<T>(count)));
    });
}

template <typename T>
inline void average_pooling_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                     Matrix<T> input_gradient) {
    if (!input_gradient.data) return;
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    clear_inputs(work, spec, input_gradient);
    for_windows<T>(work, spec, s, [&](Index example, Index i, Index j, Index row, Index number) {
        const Index count = for_taps(s, example, i, j, [](Index, Index) {});
        const Vector<T> g = load<T>(vector_of(gradient, row, number)) / broadcast<T>(static_cast<T>(count));
        for_taps(s, example, i, j, [&](Index, Index to) {
            T* place = vector_of(input_gradient, to, number);
            store<T>(place, load<T>(place) + g);
        });
    });
}

// Up-sampling: a window of the output, which is the larger one here, holds the copies of a number.
inline const char* check_up_sampling(const LayerSpec& spec) {
    if (const char* wrong = check_sliding(spec.numbers)) return wrong;
    const Sliding s = sliding_of(spec);
    if (spec.inputs != spec.outputs || s.positions() != spec.output_positions || s.output_positions() != spec.positions)
        return "an up-sampling keeps the channels, and its windows are its inputs";
    for (int axis = 0; axis < 2; ++axis)
        if (s.reach(axis) > (axis == 0 ? s.height : s.width) || s.padding[axis] != 0)
            return "the windows of an up-sampling lie within its output";
    return check_no_parameters(spec);
}

template <typename T> inline void up_sampling_forward(const Work<T>& work, const Layer<T>& layer) {
    LayerSpec windows = *layer.spec;
    windows.output_positions = layer.spec->positions;
    const Sliding s = sliding_of(windows);
    for_windows<T>(work, windows, s, [&](Index example, Index i, Index j, Index row, Index number) {
        const Vector<T> x = load<T>(vector_of(layer.input, row, number));
        for_taps(s, example, i, j, [&](Index, Index to) { store<T>(vector_of(layer.output, to, number), x); });
    });
}

template <typename T>
inline void up_sampling_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                 Matrix<T> input_gradient) {
    if (!input_gradient.data) return;
    LayerSpec windows = *layer.spec;
    windows.output_positions = layer.spec->positions;
    const Sliding s = sliding_of(windows);
    for_windows<T>(work, windows, s, [&](Index example, Index i, Index j, Index row, Index number) {
        Vector<T> sum = {};
        for_taps(s, example, i, j, [&](Index, Index from) { sum += load<T>(vector_of(gradient, from, number)); });
        store<T>(vector_of(input_gradient, row, number), sum);
    });
}

template <typename T>
constexpr LayerCode<T> up_sampling_code{
    .name = "up_sampling",
    .numbers = sliding_numbers,
    .changes_positions = true,
    .check = check_up_sampling,
    .forward = up_sampling_forward<T>,
    .backward = up_sampling_backward<T>,
};

template <typename T>
constexpr LayerCode<T> max_pooling_code{
    .name = "max_pooling",
    .numbers = sliding_numbers,
    .changes_positions = true,
    .check = check_pooling,
    .lay_out = max_pooling_lay_out<T>,
    .forward = max_pooling_forward<T>,
    .backward = max_pooling_backward<T>,
};

template <typename T>
constexpr LayerCode<T> average_pooling_code{
    .name = "average_pooling",
    .numbers = sliding_numbers,
    .changes_positions = true,
    .check = check_pooling,
    .forward = average_pooling_forward<T>,
    .backward = average_pooling_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
