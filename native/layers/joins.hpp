// Joins: one output of several branches.
//
//     add           y = x₁ + x₂ + …; each branch has the gradient of y
//     concatenate   y = (x₁, x₂, …), the columns side by side; each branch has the gradient of its own
//
// Where another layer reads a branch's buffer, too, its gradient is there already, and this one is added to it.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_add(const LayerSpec& spec) {
    for (int i = 0; i < spec.source_count; ++i)
        if (spec.sources[i].width != spec.outputs) return "the branches of add are as wide as its output";
    return check_no_parameters(spec);
}

inline const char* check_concatenate(const LayerSpec& spec) {
    Index width = 0;
    for (int i = 0; i < spec.source_count; ++i) width += spec.sources[i].width;
    if (width != spec.outputs) return "the branches of concatenate are together as wide as its output";
    return check_no_parameters(spec);
}

template <typename T> inline void add_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs;
    map<T>(work, width, layer.inputs[0], layer.inputs[1], layer.output, [](Vector<T> a, Vector<T> b) { return a + b; });
    for (int i = 2; i < layer.spec->source_count; ++i)
        map<T>(work, width, layer.output, layer.inputs[i], layer.output,
               [](Vector<T> a, Vector<T> b) { return a + b; });
}

template <typename T>
inline void add_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T>) {
    const Index width = layer.spec->outputs;
    for (int i = 0; i < layer.spec->source_count; ++i) {
        const Matrix<T> of_branch = layer.input_gradients[i];
        if (!of_branch.data) continue;
        if (layer.spec->sources[i].adds_to >= 0)
            map<T>(work, width, of_branch, gradient, of_branch, [](Vector<T> a, Vector<T> b) { return a + b; });
        else if (of_branch.data != gradient.data)
            map<T>(work, width, gradient, of_branch, [](Vector<T> g) { return g; });
    }
}

template <typename T> inline void concatenate_forward(const Work<T>& work, const Layer<T>& layer) {
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row) {
        Index to = 0;
        for (int i = 0; i < layer.spec->source_count; ++i)
            for (Index column = 0; column < layer.spec->sources[i].width; ++column, ++to)
                number_at(layer.output, row, to) = number_at(layer.inputs[i], row, column);
    }
}

template <typename T>
inline void concatenate_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T>) {
    const Range mine = share(work.rows, work.part, work.parts);
    Index first = 0;
    for (int i = 0; i < layer.spec->source_count; ++i) {
        const SourceSpec& source = layer.spec->sources[i];
        const Matrix<T> of_branch = layer.input_gradients[i];
        for (Index row = mine.begin; of_branch.data && row < mine.end; ++row)
            for (Index column = 0; column < source.width; ++column) {
                T& to = number_at(of_branch, row, column);
                const T g = number_at(gradient, row, first + column);
                to = source.adds_to >= 0 ? to + g : g;
            }
        if (of_branch.data && source.adds_to < 0) clear_padding(of_branch, mine, source.width);
        first += source.width;
    }
}

template <typename T>
constexpr LayerCode<T> add_code{
    .name = "add",
    .check = check_add,
    .joins = true,
    .forward = add_forward<T>,
    .backward = add_backward<T>,
};

template <typename T>
constexpr LayerCode<T> concatenate_code{
    .name = "concatenate",
    .changes_width = true,
    .check = check_concatenate,
    .joins = true,
    .forward = concatenate_forward<T>,
    .backward = concatenate_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
