// The same numbers in other places: (examples · positions, inputs) -> (examples · output positions, outputs), row by
// row.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_reshape(const LayerSpec& spec) {
    if (spec.positions * spec.inputs != spec.output_positions * spec.outputs) return "a reshape keeps the numbers";
    return check_no_parameters(spec);
}

// The numbers of the examples [begin, end), which lie in both matrices in the same order.
template <typename T>
inline void move_numbers(Matrix<T> from, Index from_width, Matrix<T> to, Index to_width, Index first, Index last) {
    Index row = first / from_width, column = first % from_width;
    Index to_row = first / to_width, to_column = first % to_width;
    for (Index i = first; i < last;) {
        // as far as both lie together
        const Index count = smaller_of(smaller_of(panel<T> - column % panel<T>, from_width - column),
                                       smaller_of(panel<T> - to_column % panel<T>, to_width - to_column));
        const T* in = &number_at(from, row, column);
        T* out = &number_at(to, to_row, to_column);
        for (Index j = 0; j < count; ++j) out[j] = in[j];
        i += count;
        if ((column += count) == from_width) column = 0, ++row;
        if ((to_column += count) == to_width) to_column = 0, ++to_row;
    }
}

template <typename T> inline void reshape_forward(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const Index of_example = spec.positions * spec.inputs;
    const Range mine = share(work.rows / spec.positions, work.part, work.parts);
    move_numbers(layer.input, spec.inputs, layer.output, spec.outputs, mine.begin * of_example, mine.end * of_example);
}

template <typename T>
inline void reshape_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    if (!input_gradient.data) return;
    const LayerSpec& spec = *layer.spec;
    const Index of_example = spec.positions * spec.inputs;
    const Range mine = share(work.rows / spec.positions, work.part, work.parts);
    move_numbers(gradient, spec.outputs, input_gradient, spec.inputs, mine.begin * of_example, mine.end * of_example);
    clear_padding(input_gradient, {mine.begin * spec.positions, mine.end * spec.positions}, spec.inputs);
}

template <typename T>
constexpr LayerCode<T> reshape_code{
    .name = "reshape",
    .changes_width = true,
    .changes_positions = true,
    .check = check_reshape,
    .forward = reshape_forward<T>,
    .backward = reshape_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
