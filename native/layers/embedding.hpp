// CategoryEmbedding: each of the last columns holds a code, which is replaced by the vector of that code; the others
// pass.
// numbers: how many codes each of these columns may hold. The parameter has the vectors of one column's codes below
// those of the one before; its gradient is the sum at the places where a vector was taken.
//
// Who fills in the data has checked the codes; what is no code all the same is taken for the code 0.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_embedding(const LayerSpec& spec) {
    double rows = 0.0;
    for (Index c = 0; c < spec.number_count; ++c) {
        const double count = spec.numbers[c];
        if (!(count >= 1.0 && count <= 0x1p24 && is_whole(count)))
            return "an embedding's cardinalities are whole numbers from 1 to 2**24";
        rows += count;
    }
    const Index codes = spec.number_count, size = spec.parameters[0].columns;
    Index columns = 0;
    return spec.parameter_count == 1 && codes >= 1 && codes <= spec.inputs && size >= 1 &&
                   static_cast<double>(spec.parameters[0].rows) == rows &&
                   !__builtin_mul_overflow(codes, size, &columns) && spec.outputs - (spec.inputs - codes) == columns
               ? nullptr
               : "an embedding has a vector for each code of its last columns";
}

template <typename T> inline void embedding_lay_out(Layer<T>& layer, Arena& arena, Index) {
    lay_out_matrices(layer, 1);
    layer.constants = arena.take<T>(layer.packed_end - layer.packed_start);  // the gradient of a step
}

// The row of the parameter that a number stands for, among `count` from `first` on.
template <typename T> inline Index vector_at(T code, Index first, double count) {
    return first + (code >= T(0) && static_cast<double>(code) < count ? static_cast<Index>(code) : 0);
}

// Calls f(column of the codes, first column of their vectors, row of the parameter where those begin, how many they
// are).
template <typename T, typename F> inline void for_categories(const Layer<T>& layer, F&& f) {
    const Index size = layer.spec->parameters[0].columns, passed = layer.spec->inputs - layer.spec->number_count;
    Index first = 0;
    for (Index c = 0; c < layer.spec->number_count; ++c) {
        f(passed + c, passed + c * size, first, layer.spec->numbers[c]);
        first += static_cast<Index>(layer.spec->numbers[c]);
    }
}

template <typename T> inline void embedding_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index size = layer.spec->parameters[0].columns, passed = layer.spec->inputs - layer.spec->number_count;
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row) {
        for (Index v = 0; v < ceiling(passed, lanes<T>); ++v)  // and what the first vectors then overwrite
            store<T>(vector_of(layer.output, row, v), load<T>(vector_of(layer.input, row, v)));
        for_categories(layer, [&](Index column, Index to, Index first, double count) {
            const Index vector = vector_at(number_at(layer.input, row, column), first, count);
            for (Index t = 0; t < size; ++t)
                number_at(layer.output, row, to + t) = layer.weights[place_in(layer, 0, vector, t)];
        });
    }
}

// The sums over the batch for the vectors [of.begin, of.end), which are this part's alone. They lie as the layer's
// parameter does, its first one at `sums`.
template <typename T>
inline void add_vectors(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, T* sums, Range of) {
    const Index size = layer.spec->parameters[0].columns;
    for_categories(layer, [&](Index column, Index from, Index first, double count) {
        if (first >= of.end || first + static_cast<Index>(count) <= of.begin) return;
        for (Index row = 0; row < work.rows; ++row) {
            const Index vector = vector_at(number_at(layer.input, row, column), first, count);
            if (vector < of.begin || vector >= of.end) continue;
            for (Index t = 0; t < size; ++t)
                sums[place_in(layer, 0, vector, t) - layer.packed_start] += number_at(gradient, row, from + t);
        }
    });
}

template <typename T>
inline void embedding_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                               Matrix<T> input_gradient) {
    const ParameterSpec& spec = layer.spec->parameters[0];
    const Index passed = layer.spec->inputs - layer.spec->number_count;
    const Range vectors = share(spec.rows, work.part, work.parts), rows = share(work.rows, work.part, work.parts);
    T* sums = work.update ? layer.constants : layer.gradient + layer.packed_start;
    const auto for_panels = [&](auto&& f) {
        for (Index column = 0; column < spec.columns; column += panel<T>)
            f(place_in(layer, 0, vectors.begin, column), (vectors.end - vectors.begin) * panel<T>);
    };
    if (!work.adds())
        for_panels([&](Index start, Index count) {
            for (Index i = 0; i < count; i += lanes<T>) store<T>(sums + start - layer.packed_start + i, Vector<T>{});
        });
    add_vectors(work, layer, gradient, sums, vectors);
    if (work.update)
        for_panels([&](Index start, Index count) {
            work.update->apply(start, sums + start - layer.packed_start, count, spec.penalized);
        });
    if (!input_gradient.data) return;
    for (Index row = rows.begin; row < rows.end; ++row) {
        for (Index column = 0; column < passed; ++column)
            number_at(input_gradient, row, column) = number_at(gradient, row, column);
        for (Index column = passed; column < layer.spec->inputs; ++column)
            number_at(input_gradient, row, column) = T(0);
    }
    clear_padding(input_gradient, rows, layer.spec->inputs);
}

template <typename T>
constexpr LayerCode<T> embedding_code{
    .name = "embedding",
    .numbers = any_count,
    .changes_width = true,
    .check = check_embedding,
    .reads_input = true,
    .lay_out = embedding_lay_out<T>,
    .forward = embedding_forward<T>,
    .backward = embedding_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
