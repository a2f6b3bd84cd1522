// A run: a program laid out in memory, and how a piece of a batch goes forward and backward through it.
//
// Contract. All memory comes from one arena, zeroed, before the first step; nothing is allocated afterwards. A batch
// larger than `most_rows` (where examples have positions: than `most_positions`) goes through in pieces of that size,
// so that activations stay in the cache; gradients are added up, and the parameters change after the last piece. A
// training batch is one piece where a layer needs it whole.
#pragma once

#include "core.hpp"
#include "gather.hpp"
#include "layers/table.hpp"
#include "losses.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr Index most_rows = 1024;
constexpr Index most_positions = 16384;  // of all examples: fewer would leave a dense layer behind too few rows
constexpr Index rows_of_a_unit = 256;  // of the packed parameters: what one part works on, and one partial sum covers

template <typename T> struct Run {
    ProgramSpec spec;
    Index rows;     // the most a piece can have
    Index columns;  // of transposed matrices, in whole vectors; 0: the usual ones
    Index layer_count;
    Layer<T>* layers;
    Index packed_count;
    Update<T> update;
    T *safe_weights, *safe_slots[most_slots];
    int slots;  // the optimizer's, and the moving average
    T* rate_factors;
    double *statistics, *safe_statistics;
    Index units;
    double* squares;  // of the gradient, one sum for each unit
    Matrix<T> input, scores, score_gradient, targets;
    Matrix<T> *matrices, *gradients;
    Matrix<T> transposed_input, transposed_targets;
    // of each row: its class, weight, share in the mean, loss, and whether it is predicted right
    typename VectorOf<T>::Integer* classes;
    double* row_weights;
    T *shares, *values, *right;
    T* blocks;  // for each part: scores, gradient and targets of `lanes` examples side by side
    double* shift;  // of the scaling of the inputs
};

// Whether the network is so narrow, and the batch so large, that transposed matrices are better: at most `lanes` units
// in a layer, and every layer can.
template <typename T> inline bool is_better_transposed(const ProgramSpec& spec) {
    if (spec.loss.code < 0 || spec.largest_batch < lanes<T> || spec.inputs > panel<T> || spec.outputs > lanes<T> ||
        spec.positions > 1)
        return false;
    for (Index l = 0; l < spec.layer_count; ++l)
        if (!layer_table<T>[spec.layers[l].code].transposed || (l > 0 && spec.layers[l].inputs > lanes<T>))
            return false;
    return true;
}

// The matrices of activations and gradients, and the layers with theirs.
template <typename T> inline void lay_out_layers(Run<T>& run, Arena& arena) {
    LayerSpec* transposed = run.columns ? arena.take<LayerSpec>(run.layer_count) : nullptr;
    const auto rows_in = [&](const MatrixSpec& spec) {
        return run.columns ? spec.width + 1 : run.rows * spec.positions;
    };
    const auto columns_in = [&](const MatrixSpec& spec) { return run.columns ? run.columns : spec.width; };
    const auto numbers_in = [&](const MatrixSpec& spec) {
        return ceiling(columns_in(spec), panel<T>) * stride_of<T>(rows_in(spec));
    };
    run.matrices = arena.take<Matrix<T>>(run.spec.matrix_count);
    run.gradients = arena.take<Matrix<T>>(run.spec.gradient_count);
    for (Index m = 1; m < run.spec.matrix_count; ++m) {
        const Matrix<T> matrix = take_matrix<T>(arena, rows_in(run.spec.matrices[m]), columns_in(run.spec.matrices[m]));
        if (arena.memory) run.matrices[m] = matrix;
    }
    if (arena.memory) run.matrices[0] = run.columns ? run.transposed_input : run.input;
    for (Index slot = 0; slot < run.spec.slot_count; ++slot) {  // as large as its largest matrix
        Index numbers = 0;
        for (Index g = 0; g < run.spec.gradient_count; ++g)
            if (run.spec.gradients[g].slot == slot) numbers = larger_of(numbers, numbers_in(run.spec.gradients[g]));
        T* memory = arena.take<T>(numbers);
        for (Index g = 0; arena.memory && g < run.spec.gradient_count; ++g)
            if (run.spec.gradients[g].slot == slot)
                run.gradients[g] = {memory, stride_of<T>(rows_in(run.spec.gradients[g]))};
    }
    const auto matrix_at = [&](const Matrix<T>* from, Index number) {
        return arena.memory && number >= 0 ? from[number] : Matrix<T>{};
    };
    for (Index l = 0; l < run.layer_count; ++l) {
        const LayerSpec& spec = run.spec.layers[l];
        const LayerCode<T>& code = layer_table<T>[spec.code];
        Layer<T> layer{};
        layer.spec = &spec;
        layer.input = matrix_at(run.matrices, spec.sources[0].matrix);
        layer.output = matrix_at(run.matrices, spec.matrix);
        layer.adds_to = matrix_at(run.gradients, code.joins ? -1 : spec.sources[0].adds_to);
        if (code.joins) {
            layer.inputs = arena.take<Matrix<T>>(spec.source_count);
            layer.input_gradients = arena.take<Matrix<T>>(spec.source_count);
            for (int i = 0; arena.memory && i < spec.source_count; ++i) {
                layer.inputs[i] = matrix_at(run.matrices, spec.sources[i].matrix);
                layer.input_gradients[i] = matrix_at(run.gradients, spec.sources[i].gradient);
            }
        }
        layer.packed_start = layer.packed_end = run.packed_count;
        layer.statistics = run.spec.statistics;
        layer.running = run.statistics;
        code.lay_out(layer, arena, run.rows * spec.positions);
        run.packed_count = layer.packed_end;
        layer.columns = run.columns;
        layer.units = spec.outputs;
        if (transposed && code.in_place) {  // number by number: see layers/layer.hpp
            transposed[l] = spec;
            transposed[l].inputs = transposed[l].outputs = run.columns;
            layer.spec = transposed + l;
        }
        if (arena.memory) run.layers[l] = layer;
        if (arena.memory && run.columns) fill_row(layer.output, spec.outputs, run.columns, T(1));
    }
    run.scores = matrix_at(run.matrices, run.spec.score_matrix);
    run.score_gradient = matrix_at(run.gradients, run.spec.score_gradient);
}

template <typename T> inline void* lay_out(const ProgramSpec& spec, Arena& arena) {
    Run<T>* place = arena.take<Run<T>>(1);
    Run<T> run{};
    run.spec = spec;
    bool whole_batch = false;
    for (Index l = 0; l < spec.layer_count; ++l) whole_batch |= layer_table<T>[spec.layers[l].code].whole_batch;
    Index positions = 1;  // the most that any matrix has
    for (Index m = 0; m < spec.matrix_count; ++m) positions = larger_of(positions, spec.matrices[m].positions);
    run.rows = larger_of(spec.largest_batch, 1);
    const Index most = positions > 1 ? most_positions : most_rows;
    if (!whole_batch || spec.optimizer.code < 0) run.rows = smaller_of(run.rows, larger_of(most / positions, 1));
    run.layer_count = spec.layer_count;
    run.layers = arena.take<Layer<T>>(spec.layer_count);
    run.statistics = arena.take<double>(spec.statistic_count);
    run.safe_statistics = arena.take<double>(spec.statistic_count);
    if (is_better_transposed<T>(spec)) run.columns = ceiling(run.rows, lanes<T>) * lanes<T>;
    const Index padded_rows = ceiling(run.rows * spec.output_positions, lanes<T>) * lanes<T>;  // of the scores
    run.input = take_matrix<T>(arena, ceiling(run.rows * spec.positions, lanes<T>) * lanes<T>, spec.inputs);
    run.targets = take_matrix<T>(arena, padded_rows, spec.outputs);
    if (run.columns) {
        run.transposed_input = take_matrix<T>(arena, spec.inputs + 1, run.columns);
        run.transposed_targets = take_matrix<T>(arena, spec.outputs, run.columns);
        if (arena.memory) fill_row(run.transposed_input, spec.inputs, run.columns, T(1));
    }
    lay_out_layers(run, arena);
    run.classes = arena.take<typename VectorOf<T>::Integer>(padded_rows);
    run.shares = arena.take<T>(padded_rows);
    run.values = arena.take<T>(padded_rows);
    run.right = arena.take<T>(padded_rows);
    if (spec.loss.code >= 0)
        run.blocks = arena.take<T>(most_threads * 3 * ceiling(spec.outputs, lanes<T>) * lanes<T> * lanes<T>);
    run.row_weights = arena.take<double>(padded_rows);
    if (spec.mean) run.shift = arena.take<double>(spec.inputs);
    for (Index j = 0; run.shift && j < spec.inputs; ++j) run.shift[j] = spec.offset[j] - spec.mean[j] * spec.scale[j];

    Update<T>& update = run.update;
    update.optimizer = spec.optimizer.code < 0 ? nullptr : &optimizer_table<T>[spec.optimizer.code];
    update.penalty = spec.penalty.code < 0 ? nullptr : &penalty_table<T>[spec.penalty.code];
    update.options = spec.options;
    run.slots = update.optimizer ? update.optimizer->slots + (spec.options.average >= 0.0) : 0;
    update.vectors.weights = arena.take<T>(run.packed_count);
    const bool at_once = update.optimizer && update.at_once() && spec.largest_batch <= run.rows;
    if (spec.loss.code >= 0 && !at_once) update.gradient = arena.take<T>(run.packed_count);
    if (update.optimizer) run.safe_weights = arena.take<T>(run.packed_count);
    for (int s = 0; s < run.slots; ++s) {
        update.vectors.slots[s] = arena.take<T>(run.packed_count);
        run.safe_slots[s] = arena.take<T>(run.packed_count);
    }
    if (update.optimizer && spec.options.average >= 0.0) update.average = update.vectors.slots[run.slots - 1];
    if (spec.options.rate_factors != 0.0) run.rate_factors = arena.take<T>(run.packed_count);
    for (Index l = 0; l < spec.layer_count; ++l)
        for (int p = 0; p < spec.layers[l].parameter_count; ++p)
            run.units += ceiling(spec.layers[l].parameters[p].columns, panel<T>) *
                         ceiling(spec.layers[l].parameters[p].rows, rows_of_a_unit);
    run.squares = arena.take<double>(run.units);
    update.vectors.factors = run.rate_factors;
    if (!arena.memory) return nullptr;
    *place = run;
    place->update.penalty_numbers = place->spec.penalty.numbers;
    Layer<T>* largest = run.layers;
    for (Layer<T>* layer = run.layers; layer < run.layers + run.layer_count; ++layer) {
        layer->weights = update.vectors.weights;
        layer->gradient = update.gradient;
        if (layer->packed_end - layer->packed_start > largest->packed_end - largest->packed_start) largest = layer;
    }
    if (run.layer_count > 0) largest->fetches = true;
    return place;
}

// Calls f(flat start, packed start, numbers) for every stretch that lies together in both.
template <typename T, typename F> inline void for_parameters(const Run<T>& run, F&& f) {
    for (Index l = 0; l < run.layer_count; ++l) {
        const Layer<T>& layer = run.layers[l];
        for (int p = 0; p < layer.spec->parameter_count; ++p) {
            const ParameterSpec& spec = layer.spec->parameters[p];
            const Place& place = layer.places[p];
            for (Index column = 0; column < spec.columns; column += panel<T>)
                for (Index row = 0; row < spec.rows; ++row)
                    f(spec.start + row * spec.columns + column,
                      place.start + column / panel<T> * place.stride + row * panel<T>,
                      smaller_of(spec.columns - column, panel<T>));
        }
    }
}

template <typename T> inline void pack(const Run<T>& run, const T* flat, T* packed) {
    for_parameters<T>(run, [&](Index from, Index to, Index count) {
        for (Index j = 0; j < count; ++j) packed[to + j] = flat[from + j];
    });
}

template <typename T> inline void unpack(const Run<T>& run, const T* packed, T* flat) {
    for_parameters<T>(run, [&](Index to, Index from, Index count) {
        for (Index j = 0; j < count; ++j) flat[to + j] = packed[from + j];
    });
}

inline void copy_statistics(const double* from, double* to, Index count) {
    for (Index i = 0; i < count; ++i) to[i] = from[i];
}

template <typename T> inline void load_statistics(void* run_, const double* from) {
    Run<T>& run = *static_cast<Run<T>*>(run_);
    copy_statistics(from, run.statistics, run.spec.statistic_count);
}

template <typename T> inline void load(void* run_, const FlatNumbers<T>& from) {
    Run<T>& run = *static_cast<Run<T>*>(run_);
    pack<T>(run, from.parameters, run.update.vectors.weights);
    for (int s = 0; from.slots && s < run.slots; ++s) pack<T>(run, from.slots[s], run.update.vectors.slots[s]);
    if (run.rate_factors) pack<T>(run, from.rate_factors, run.rate_factors);
    load_statistics<T>(run_, from.statistics);
}

template <typename T> inline void unload(const void* run_, const FlatVectors<T>& to) {
    const Run<T>& run = *static_cast<const Run<T>*>(run_);
    unpack<T>(run, run.update.vectors.weights, to.parameters);
    for (int s = 0; s < run.slots; ++s) unpack<T>(run, run.update.vectors.slots[s], to.slots[s]);
    copy_statistics(run.statistics, to.statistics, run.spec.statistic_count);
}

template <typename T> inline void unload_safe(const void* run_, const FlatVectors<T>& to) {
    const Run<T>& run = *static_cast<const Run<T>*>(run_);
    unpack<T>(run, run.safe_weights, to.parameters);
    for (int s = 0; s < run.slots; ++s) unpack<T>(run, run.safe_slots[s], to.slots[s]);
    copy_statistics(run.safe_statistics, to.statistics, run.spec.statistic_count);
}

template <typename T> inline Scaling scaling_of(const Run<T>& run) {
    return {run.spec.mean, run.spec.scale, run.spec.offset, run.shift, run.spec.limit};
}

// What a layer is to work on: rows of transposed matrices are units, others all positions of all examples.
template <typename T> inline Work<T> work_for(const Run<T>& run, const Work<T>& work, const Layer<T>& layer) {
    Work<T> own = work;
    own.rows = run.columns ? layer.units : work.rows * layer.spec->positions;
    own.first_row = work.first_row * layer.spec->positions;
    return own;
}

template <typename T> inline void forward(const Run<T>& run, const Work<T>& work) {
    for (Index l = 0; l < run.layer_count; ++l) {
        const Layer<T>& layer = run.layers[l];
        layer_table<T>[layer.spec->code].forward(work_for(run, work, layer), layer);
        work.meet();
    }
}

// From the gradient of the scores in score_gradient.
template <typename T> inline void backward(const Run<T>& run, const Work<T>& work) {
    work.meet();  // all have read what the loss wrote
    for (Index l = run.layer_count - 1; l >= 0; --l) {
        const Layer<T>& layer = run.layers[l];
        const LayerSpec& spec = run.spec.layers[l];
        if (spec.gradient < 0) continue;
        const Index of_input = spec.sources[0].gradient;
        const Matrix<T> input_gradient = of_input < 0 ? Matrix<T>{} : run.gradients[of_input];
        const Work<T> own = work_for(run, work, layer);
        layer_table<T>[spec.code].backward(own, layer, run.gradients[spec.gradient], input_gradient);
        work.meet();
        if (!layer.adds_to.data) continue;
        map<T>(own, spec.inputs, input_gradient, layer.adds_to, layer.adds_to,
               [](Vector<T> one, Vector<T> other) { return one + other; });
        work.meet();
    }
}

// Inputs, targets and weights of the rows [first, first + work.rows) of the order. `total` is the sum of the weights of
// the whole batch.
template <typename T>
inline void gather_examples(const Run<T>& run, const Work<T>& work, const Examples& examples,
                            const std::uint32_t* order, Index first, double total) {
    const Range mine = share(work.rows, work.part, work.parts);
    const Piece piece{order, first, mine.begin, mine.end};
    const Index positions = run.spec.output_positions;
    gather<T>(examples.x, piece, run.input, run.spec.positions, scaling_of(run));
    if (!examples.classes) gather<T>(examples.targets, piece, run.targets, positions, Scaling{});
    for (Index row = mine.begin; row < mine.end; ++row) {
        const Index i = order ? static_cast<Index>(order[first + row]) : first + row;
        const double weight = examples.weights ? examples.weights[i] : 1.0;
        const T part = total > 0.0 ? static_cast<T>(weight / total) : T(0);
        for (Index p = 0; p < positions; ++p) {
            const Index place = row * positions + p;
            if (examples.classes)
                run.classes[place] = static_cast<typename VectorOf<T>::Integer>(examples.classes[i * positions + p]);
            run.row_weights[place] = weight;
            run.shares[place] = part;
        }
    }
    if (work.part != work.parts - 1) return;
    const Index rows = work.rows * positions;
    for (Index row = rows; row < ceiling(rows, lanes<T>) * lanes<T> || row < run.columns; ++row) run.shares[row] = T(0);
}

// The examples side by side. Columns beyond the last example repeat it: they count nothing, but must stay finite.
template <typename T> inline void transpose_examples(const Run<T>& run, const Work<T>& work, const Examples& examples) {
    const auto transpose_into = [&](Matrix<T> from, Matrix<T> to, Index width) {
        if (work.part == 0)
            for (Index row = work.rows; row < run.columns; ++row) copy_row(from, work.rows - 1, row, width);
        work.meet();
        transpose<T>(readable(from), to, run.columns, width, work.part, work.parts);
    };
    if (run.columns == 0) return;
    transpose_into(run.input, run.transposed_input, run.spec.inputs);
    if (!examples.classes) transpose_into(run.targets, run.transposed_targets, run.spec.outputs);
    work.meet();
}

// What a piece adds to the sums over the batch.
struct Sums {
    double loss, correct;  // Σ wᵢ·lᵢ and Σ wᵢ·[predicted right]
};

// The loss of `lanes` examples from `row` on.
template <typename T>
inline void evaluate_block(const Run<T>& run, const Work<T>& work, const Examples& examples, Index row) {
    const Index width = run.spec.outputs, padded = ceiling(width, lanes<T>) * lanes<T> * lanes<T>;
    LossBlock<T> block{};
    block.width = width;
    block.numbers = run.spec.loss.numbers;
    block.share = load<T>(run.shares + row);
    if (examples.classes) __builtin_memcpy(&block.classes, run.classes + row, sizeof block.classes);
    const auto evaluate = [&] {
        store<T>(run.values + row, loss_table<T>[run.spec.loss.code].evaluate(block));
        if (run.spec.link != Link::identity) store<T>(run.right + row, predicted_right<T>(block, run.spec.link));
    };
    if (run.columns) {
        const Index number = row / panel<T>, half = row % panel<T>;
        block.step = panel<T>;
        block.scores = run.scores.at(number, 0) + half;
        block.gradient = run.score_gradient.at(number, 0) + half;
        if (!examples.classes) block.targets = run.transposed_targets.at(number, 0) + half;
        return evaluate();
    }
    const Index count = smaller_of(work.rows * run.spec.output_positions - row, lanes<T>);
    T* scores = run.blocks + 3 * padded * work.part;
    T *gradient = scores + padded, *targets = scores + 2 * padded;
    rows_to_lanes<T>(readable(run.scores), row, count, width, scores);
    if (!examples.classes) rows_to_lanes<T>(readable(run.targets), row, count, width, targets);
    block.step = lanes<T>;
    block.scores = scores;
    block.gradient = gradient;
    block.targets = examples.classes ? nullptr : targets;
    evaluate();
    lanes_to_rows<T>(gradient, run.score_gradient, row, count, width);
}

// Σ wᵢ·nᵢ over the rows, always in the same order.
template <typename T> inline double weighted_sum(const double* weights, const T* numbers, Index rows) {
    constexpr Index chains = 8;  // side by side, so that the machine need not wait for one sum
    double sums[chains] = {};
    Index row = 0;
    for (; row + chains <= rows; row += chains)
        for (Index c = 0; c < chains; ++c) sums[c] += weights[row + c] * static_cast<double>(numbers[row + c]);
    for (; row < rows; ++row) sums[row % chains] += weights[row] * static_cast<double>(numbers[row]);
    double sum = 0.0;
    for (double part : sums) sum += part;
    return sum;
}

// Loss, gradient of the scores, and the sums, which every part adds up for itself.
template <typename T>
inline Sums evaluate_loss(const Run<T>& run, const Work<T>& work, const Examples& examples) {
    const Index rows = work.rows * run.spec.output_positions;
    const Range mine = share(ceiling(larger_of(rows, run.columns), lanes<T>), work.part, work.parts);
    for (Index block = mine.begin; block < mine.end; ++block)
        evaluate_block(run, work, examples, block * lanes<T>);
    work.meet();
    return {weighted_sum(run.row_weights, run.values, rows), weighted_sum(run.row_weights, run.right, rows)};
}

template <typename T> inline double penalty_value(const Run<T>& run, const double* numbers) {
    double sum = 0.0;
    if (!run.update.penalty) return sum;
    for (Index l = 0; l < run.layer_count; ++l)
        for (int p = 0; p < run.layers[l].spec->parameter_count; ++p) {
            const ParameterSpec& spec = run.layers[l].spec->parameters[p];
            const Place& place = run.layers[l].places[p];
            for (Index column = 0; spec.penalized && column < ceiling(spec.columns, panel<T>); ++column)
                sum += run.update.penalty->value(
                    numbers, run.update.vectors.weights + place.start + column * place.stride, spec.rows * panel<T>);
        }
    return sum;
}

// Calls f(unit, start, count, penalized) for this part's share of the units that the packed parameters are cut into.
// The cuts are always the same.
template <typename T, typename F> inline void for_units(const Run<T>& run, const Work<T>& work, F&& f) {
    const Range mine = share(run.units, work.part, work.parts);
    Index unit = 0;
    for (Index l = 0; l < run.layer_count; ++l)
        for (int p = 0; p < run.layers[l].spec->parameter_count; ++p) {
            const ParameterSpec& spec = run.layers[l].spec->parameters[p];
            const Place& place = run.layers[l].places[p];
            for (Index column = 0; column < ceiling(spec.columns, panel<T>); ++column)
                for (Index row = 0; row < spec.rows; row += rows_of_a_unit, ++unit)
                    if (unit >= mine.begin && unit < mine.end)
                        f(unit, place.start + column * place.stride + row * panel<T>,
                          smaller_of(rows_of_a_unit, spec.rows - row) * panel<T>, spec.penalized);
        }
}

// Calls f(start, rows) for this part's share of the panels of all weights.
template <typename T, typename F> inline void for_weight_panels(const Run<T>& run, const Work<T>& work, F&& f) {
    for (Index l = 0; l < run.layer_count; ++l)
        for (int p = 0; p < run.layers[l].spec->parameter_count; ++p) {
            const ParameterSpec& spec = run.layers[l].spec->parameters[p];
            const Place& place = run.layers[l].places[p];
            if (!spec.penalized) continue;
            const Range mine = share(ceiling(spec.columns, panel<T>), work.part, work.parts);
            for (Index column = mine.begin; column < mine.end; ++column)
                f(place.start + column * place.stride, spec.rows);
        }
}

// The step from a gradient that is known as a whole, where the layers did not make it (`work.update` null).
template <typename T> inline void finish_step(const Run<T>& run, const Work<T>& work, const Update<T>& update) {
    T* const gradient = update.gradient;
    if (update.at_once()) {
        for_units<T>(run, work, [&](Index, Index start, Index count, bool penalized) {
            update.apply(start, gradient + start, count, penalized);
        });
        return work.meet();
    }
    const UpdateOptions& options = update.options;
    for_units<T>(run, work, [&](Index unit, Index start, Index count, bool penalized) {
        update.finish_gradient(start, gradient + start, count, penalized);
        if (options.clip_norm > 0.0) run.squares[unit] = sum_of_squares<T>(gradient + start, count);
    });
    double length = 0.0;
    if (options.clip_norm > 0.0) {
        work.meet();
        for (Index unit = 0; unit < run.units; ++unit) length += run.squares[unit];
        length = __builtin_sqrt(length);
    }
    for_units<T>(run, work, [&](Index, Index start, Index count, bool penalized) {
        if (length > options.clip_norm)
            scale<T>(gradient + start, count, static_cast<T>(options.clip_norm / length));
        update.step(start, gradient + start, count, penalized);
    });
    if (options.max_norm > 0.0) {
        work.meet();
        for_weight_panels<T>(run, work, [&](Index start, Index rows) {
            limit_columns<T>(update.vectors.weights + start, rows, options.max_norm);
        });
        work.meet();
    }
    for_units<T>(run, work, [&](Index, Index start, Index count, bool) { update.move_average(start, count); });
    work.meet();
}

}  // namespace pellucid::PELLUCID_ISA
