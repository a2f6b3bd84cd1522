// The contract of a layer, and what all layers use.
//
// A layer is a header with its code, and a row of the table in layers/table.hpp (`LayerCode`):
//
//     check      what is wrong with a description of the layer that somebody made, in words; null: nothing
//     lay_out    how its parameters lie in the packed vectors; takes the scratch memory the layer needs
//     forward    writes layer.output from layer.input
//     backward   writes the gradient of the input, if it is wanted (data not null), and of the parameters
//
// The last two are called on every thread of the team with the same arguments but work.part, do their share and may
// call `work.meet()`; the caller meets between two layers. Parameters may change (work.update) only after the last read
// of them on any thread. All matrices are in panels (gemm.hpp). Columns of padding: zero in gradients and parameters,
// anything in activations.
//
// `backward` of a layer with `in_place` gets the same matrix for both gradients, and `forward` may get the same
// matrix as input and output; `reads_input` and `reads_output` say what `backward` needs of the forward pass. Where a
// layer of the program needs the `whole_batch` at once, a training batch is not cut into pieces.
//
// `work.rows` are all positions of all examples: a layer that works on each position alone need not know of them. One
// that `joins` has several inputs (layer.inputs, layer.input_gradients) and adds to a gradient where its source says
// so.
//
// A layer that can be `transposed` also works on transposed matrices (gemm.hpp), in which the rows are units and the
// columns examples. One that works number by number need not know: its `work.rows` are the units, its outputs the
// examples.
#pragma once

#include "../core.hpp"
#include "../gemm.hpp"
#include "../random.hpp"
#include "../threads.hpp"
#include "../update.hpp"

namespace pellucid::PELLUCID_ISA {

// The rows of the next batch, which are fetched into the cache while the products of this one are at work: a gather
// that waits for memory would cost a small network a quarter of its time.
struct NextRows {
    const Source* source;
    const std::uint32_t* order;  // null: as they lie, which the processor foresees by itself
    Index first, rows;

    // Fetches the share `part` of `parts` of them.
    void fetch(Index part, Index parts) const {
        if (!order || source->column_step < 1 || source->column_step > 8) return;  // not one row after the other
        const Index lines = ceiling(source->columns * source->column_step, 64);
        const Range mine = share(rows * lines, part, parts);
        for (Index row = mine.begin / lines, line = mine.begin % lines, i = mine.begin; i < mine.end; ++row, line = 0) {
            const char* from = source->data + static_cast<Index>(order[first + row]) * source->row_step;
            for (; line < lines && i < mine.end; ++line, ++i) __builtin_prefetch(from + line * 64, 0, 2);
        }
    }
};

template <typename T> struct Work {
    Team* team;
    int part, parts;
    Index rows;       // of this piece of the batch
    Index first_row;  // where the piece begins in its batch
    bool training;
    std::uint64_t seed, step;
    const Update<T>* update;  // not null: change the parameters as soon as their gradient is known
    NextRows next;
    const double* scheduled = nullptr;  // the numbers of this step, for layers that have others in each; see numbers_of

    void meet() const { pellucid::meet(team, part); }
    bool adds() const { return first_row > 0; }  // to the gradient of the pieces before
};

// A parameter's matrix in the packed vectors.
struct Place {
    Index start, stride;
};

template <typename T> struct Layer {
    const LayerSpec* spec;
    Matrix<T> input, output;
    Matrix<T> *inputs, *input_gradients;  // of a layer that joins: one for each branch
    Matrix<T> adds_to;  // the gradient of the input that another layer's is added to; data null: none
    T *weights, *gradient;  // all packed parameters, and their gradient
    Place places[most_parameters];
    Index packed_start, packed_end;
    const double* statistics;  // as the program was made
    double* running;           // as training moves them
    Matrix<T> scratch;
    T* constants;
    std::uint32_t* bits;
    const LayerSpec* inner_spec;  // of maxout
    Matrix<T> pieces;
    Matrix<T> padded;  // of a convolution: the gradient
    Index columns;  // transposed matrices: how many examples lie side by side; 0: the usual ones
    Index units;    // its outputs, also when it works number by number on transposed matrices
    bool fetches;  // the next rows, while it is at work: the layer with the most parameters does
};

// The numbers of a layer, as they are in this step.
template <typename T> inline const double* numbers_of(const Work<T>& work, const Layer<T>& layer) {
    const Index column = layer.spec->scheduled;
    return work.scheduled && column >= 0 ? work.scheduled + column : layer.spec->numbers;
}

template <typename T> inline void no_parameters(Layer<T>&, Arena&, Index) {}

inline const char* check_no_parameters(const LayerSpec& spec) {
    return spec.parameter_count == 0 ? nullptr : "it has no parameters";
}

constexpr int any_count = -1;

template <typename T> struct LayerCode {
    const char* name;  // as the Python `kernel()` has it
    // of its description:
    int numbers = 0;            // how many it has; `any_count`: as many as `check` lets pass
    int scheduled_numbers = 0;  // how many of them, the first ones, a schedule may change from step to step
    int statistics = 0;         // how many vectors of them, a number for each input
    bool changes_width = false, changes_positions = false;  // false: outputs = inputs, positions of both the same
    const char* (*check)(const LayerSpec&) = check_no_parameters;
    const char* (*check_numbers)(const double* numbers) = [](const double*) -> const char* { return nullptr; };
    // of its work:
    bool in_place = false, reads_input = false, reads_output = false;
    bool whole_batch = false, transposed = false, joins = false;
    void (*lay_out)(Layer<T>&, Arena&, Index rows) = no_parameters<T>;
    void (*forward)(const Work<T>&, const Layer<T>&);
    void (*backward)(const Work<T>&, const Layer<T>&, Matrix<T> gradient, Matrix<T> input_gradient);
};

// What is wrong with a description, in words; null: nothing. Sizes, places and sources are checked already.
template <typename T> inline const char* check_layer(const LayerCode<T>& code, const LayerSpec& spec) {
    if (code.numbers != any_count && spec.number_count != code.numbers) return "it has too many numbers, or too few";
    if (spec.statistic_count != code.statistics) return "it has too many statistics, or too few";
    if (!code.changes_width && spec.inputs != spec.outputs) return "it has as many outputs as inputs";
    if (!code.changes_positions && spec.positions != spec.output_positions) return "it keeps the positions";
    if (const char* wrong = code.check(spec)) return wrong;
    return code.check_numbers(spec.numbers);
}

// Whether parameter `p` has the shape (rows, columns).
inline bool has_shape(const LayerSpec& spec, int p, Index rows, Index columns) {
    return p < spec.parameter_count && spec.parameters[p].rows == rows && spec.parameters[p].columns == columns;
}

// For layers with one vector, a number for each output.
inline const char* check_vector(const LayerSpec& spec) {
    return spec.parameter_count == 1 && has_shape(spec, 0, 1, spec.outputs)
               ? nullptr
               : "it has one parameter for each output";
}

inline bool is_whole(double number) { return number == __builtin_floor(number); }

template <typename T> inline Matrix<const T> readable(Matrix<T> m) { return {m.data, m.stride}; }

// A matrix of the arena. An odd number of rows keeps panels from falling on the same lines of the cache.
template <typename T> inline Index stride_of(Index rows) { return (rows | 1) * panel<T>; }

template <typename T> inline Matrix<T> take_matrix(Arena& arena, Index rows, Index columns) {
    const Index stride = stride_of<T>(rows);
    return {arena.take<T>(ceiling(columns, panel<T>) * stride), stride};
}

template <typename T> inline void fill_row(Matrix<T> m, Index row, Index columns, T number) {
    for (Index j = 0; j < columns; ++j) m.at(j / panel<T>, row)[j % panel<T>] = number;
}

template <typename T> inline void copy_row(Matrix<T> m, Index from, Index to, Index columns) {
    for (Index j = 0; j < columns; ++j) m.at(j / panel<T>, to)[j % panel<T>] = m.at(j / panel<T>, from)[j % panel<T>];
}

// Calls f(panel, first row, count of numbers, step) for this part's stretches of a matrix: in each, the vectors begin
// at the first row and are `step` numbers apart.
template <typename T, typename F> inline void for_stretches(const Work<T>& work, Index width, F&& f) {
    const Range mine = share(ceiling(width, panel<T>) * work.rows, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end;) {
        const Index panel_number = unit / work.rows, row = unit % work.rows;
        const Index count = smaller_of(work.rows - row, mine.end - unit);
        f(panel_number, row, count * panel<T>, is_narrow<T>(width, panel_number) ? panel<T> : lanes<T>);
        unit += count;
    }
}

// to = f(from), number by number.
template <typename T, typename F>
inline void map(const Work<T>& work, Index width, Matrix<T> from, Matrix<T> to, F&& f) {
    for_stretches<T>(work, width, [&](Index panel_number, Index row, Index count, Index step) {
        const T* in = from.at(panel_number, row);
        T* out = to.at(panel_number, row);
        for (Index i = 0; i < count; i += step) store<T>(out + i, f(load<T>(in + i)));
    });
}

// to = f(a, b), number by number.
template <typename T, typename F>
inline void map(const Work<T>& work, Index width, Matrix<T> a, Matrix<T> b, Matrix<T> to, F&& f) {
    for_stretches<T>(work, width, [&](Index panel_number, Index row, Index count, Index step) {
        const T *left = a.at(panel_number, row), *right = b.at(panel_number, row);
        T* out = to.at(panel_number, row);
        for (Index i = 0; i < count; i += step) store<T>(out + i, f(load<T>(left + i), load<T>(right + i)));
    });
}

// The layer's first parameter, which has a number for each column: that of a vector of columns.
template <typename T> inline Vector<T> parameter_of(const Layer<T>& layer, Index panel_number, Index half) {
    return load<T>(layer.weights + layer.places[0].start + panel_number * panel<T> + half * lanes<T>);
}

// to = f(from, the first parameter), number by number.
template <typename T, typename F>
inline void map_with(const Work<T>& work, const Layer<T>& layer, Matrix<T> from, Matrix<T> to, F&& f) {
    for_stretches<T>(work, layer.spec->outputs, [&](Index panel_number, Index row, Index count, Index step) {
        const T* in = from.at(panel_number, row);
        T* out = to.at(panel_number, row);
        const Vector<T> of_panel[2] = {parameter_of(layer, panel_number, 0), parameter_of(layer, panel_number, 1)};
        for (Index i = 0; i < count; i += step)
            store<T>(out + i, f(load<T>(in + i), of_panel[i / lanes<T> % 2]));
    });
}

// The lanes of vector `number` of a row that are columns, not padding.
template <typename T> inline Integers<T> columns_of(Index width, Index number) {
    return first_lanes<T>(smaller_of(width - number * lanes<T>, lanes<T>));
}

// Vector `number` of a row.
template <typename T> inline T* vector_of(Matrix<T> m, Index row, Index number) {
    return m.at(number / 2, row) + number % 2 * lanes<T>;
}

// Calls f(panel, half) for this part's vectors of columns: lanes<T> columns, in all rows, are one part's alone.
template <typename T, typename F> inline void for_column_vectors(const Work<T>& work, Index width, F&& f) {
    const Range mine = share(ceiling(width, lanes<T>), work.part, work.parts);
    for (Index v = mine.begin; v < mine.end; ++v) f(v / 2, v % 2);
}

// Σ f(row), in blocks, so that rounding errors hardly grow with the number of rows.
template <typename T, typename F> inline Vector<T> sum_of_rows(Index rows, F&& f) {
    constexpr Index block = 128;
    Vector<T> total = {};
    for (Index begin = 0; begin < rows; begin += block) {
        Vector<T> sum = {};
        for (Index row = begin; row < smaller_of(begin + block, rows); ++row) sum += f(row);
        total += sum;
    }
    return total;
}

// Parameters that are vectors of at most a number for each column, one after the other in whole panels.
template <typename T> inline void lay_out_vectors(Layer<T>& layer, int count) {
    for (int p = 0; p < count; ++p) {
        layer.places[p] = {layer.packed_end, panel<T>};
        layer.packed_end += ceiling(layer.spec->parameters[p].columns, panel<T>) * panel<T>;
    }
}

// Parameters that are matrices, one after the other, each in panels.
template <typename T> inline void lay_out_matrices(Layer<T>& layer, int count) {
    for (int p = 0; p < count; ++p) {
        const ParameterSpec& spec = layer.spec->parameters[p];
        layer.places[p] = {layer.packed_end, spec.rows * panel<T>};
        layer.packed_end += ceiling(spec.columns, panel<T>) * spec.rows * panel<T>;
    }
}

// Where a number of such a matrix lies in the packed vectors.
template <typename T> inline Index place_in(const Layer<T>& layer, int parameter, Index row, Index column) {
    const Place& place = layer.places[parameter];
    return place.start + column / panel<T> * place.stride + row * panel<T> + column % panel<T>;
}

// A number of a matrix; that of the next row is `panel<T>` further on.
template <typename T> inline T& number_at(Matrix<T> m, Index row, Index column) {
    return m.at(column / panel<T>, row)[column % panel<T>];
}

// Numbers of one column, from a row on: out of the matrix, and into it.
template <typename T> inline void copy_column(Matrix<T> from, Index row, Index column, Index count, T* to) {
    const T* in = &number_at(from, row, column);
    for (Index i = 0; i < count; ++i) to[i] = in[i * panel<T>];
}
template <typename T> inline void copy_column(const T* from, Index count, Matrix<T> to, Index row, Index column) {
    T* out = &number_at(to, row, column);
    for (Index i = 0; i < count; ++i) out[i * panel<T>] = from[i];
}

// The columns of padding of a gradient, in some rows.
template <typename T> inline void clear_padding(Matrix<T> gradient, Range rows, Index width) {
    for (Index row = rows.begin; row < rows.end; ++row)
        for (Index column = width; column < ceiling(width, panel<T>) * panel<T>; ++column)
            number_at(gradient, row, column) = T(0);
}

// The gradient of one vector of such a parameter (`lay_out_vectors`), which nobody else reads or changes; and its step.
template <typename T>
inline void put_gradient(const Work<T>& work, const Layer<T>& layer, int parameter, Index panel_number, Index half,
                         Vector<T> gradient) {
    const Index start = layer.places[parameter].start + panel_number * panel<T> + half * lanes<T>;
    alignas(64) T block[lanes<T>];
    T* to = work.update ? block : layer.gradient + start;
    const Vector<T> inside =
        columns_of<T>(layer.spec->outputs, 2 * panel_number + half) ? gradient : Vector<T>{};  // padding stays zero
    store<T>(to, work.adds() ? load<T>(to) + inside : inside);
    if (work.update) work.update->apply(start, block, lanes<T>, layer.spec->parameters[parameter].penalized);
}

}  // namespace pellucid::PELLUCID_ISA
