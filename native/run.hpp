// A run: a program laid out in memory, and how a piece of a batch goes forward and backward through it.
//
// Contract. All memory comes from one arena, zeroed, before the first step; nothing is allocated afterwards. A batch
// larger than `most_rows` goes through in pieces of that size, so that activations stay in the cache; gradients are
// added up, and the parameters change after the last piece. A training batch is one piece where a layer needs it whole.
#pragma once

#include "core.hpp"
#include "gather.hpp"
#include "layers/table.hpp"
#include "losses.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr Index most_rows = 1024;
constexpr Index rows_of_a_unit = 256;  // of the packed parameters: what one part works on, and one partial sum covers

template <typename T> struct Run {
    ProgramSpec spec;
    Index rows;  // the most a piece can have
    Index layer_count, layers_before;  // layers before the first with parameters: nothing to pass back to them
    Layer<T>* layers;
    Index packed_count;
    Update<T> update;
    T *safe_weights, *safe_slots[most_slots];
    int slots;  // the optimizer's, and the moving average
    T* rate_factors;
    double *statistics, *safe_statistics;
    Index units;
    double* squares;  // of the gradient, one sum for each unit
    Matrix<T> input, scores, gradients[2], targets;
    std::int64_t* classes;
    T *values, *right;  // of each row: its loss, and whether it is predicted right
    T* blocks;          // for each part: scores, gradient and targets of `lanes` examples side by side
    double* row_weights;
    double* shift;  // of the scaling of the inputs
};

// The buffers of the layers: each writes over its input where no backward pass misses it.
template <typename T> inline void lay_out_layers(Run<T>& run, Arena& arena) {
    Matrix<T> current = run.input;
    Index width = run.spec.inputs, widest = run.spec.inputs;
    bool needed = true;  // the input itself may be read again
    for (Index l = 0; l < run.layer_count; ++l) {
        const LayerSpec& spec = run.spec.layers[l];
        const LayerCode<T>& code = layer_table<T>[spec.code];
        const bool over = code.in_place && !code.reads_input && !needed;
        const Matrix<T> output = over ? current : take_matrix<T>(arena, run.rows, spec.outputs);
        Layer<T> layer{};
        layer.spec = &spec;
        layer.input = current;
        layer.output = output;
        layer.packed_start = layer.packed_end = run.packed_count;
        layer.statistics = run.spec.statistics;
        layer.running = run.statistics;
        code.lay_out(layer, arena, run.rows);
        run.packed_count = layer.packed_end;
        if (arena.memory) run.layers[l] = layer;
        needed = code.reads_output;
        current = output;
        width = spec.outputs;
        widest = larger_of(widest, width);
    }
    run.scores = current;
    for (Matrix<T>& gradient : run.gradients) gradient = take_matrix<T>(arena, run.rows, widest);
}

template <typename T> inline void* lay_out(const ProgramSpec& spec, Arena& arena) {
    Run<T>* place = arena.take<Run<T>>(1);
    Run<T> run{};
    run.spec = spec;
    bool whole_batch = false;
    for (Index l = 0; l < spec.layer_count; ++l) whole_batch |= layer_table<T>[spec.layers[l].code].whole_batch;
    run.rows = larger_of(spec.largest_batch, 1);
    if (!whole_batch || spec.optimizer.code < 0) run.rows = smaller_of(run.rows, most_rows);
    run.layer_count = spec.layer_count;
    run.layers = arena.take<Layer<T>>(spec.layer_count);
    while (run.layers_before < spec.layer_count && spec.layers[run.layers_before].parameter_count == 0)
        ++run.layers_before;
    run.statistics = arena.take<double>(spec.statistic_count);
    run.safe_statistics = arena.take<double>(spec.statistic_count);
    run.input = take_matrix<T>(arena, run.rows, spec.inputs);
    lay_out_layers(run, arena);
    run.targets = take_matrix<T>(arena, run.rows, spec.outputs);
    run.classes = arena.take<std::int64_t>(run.rows);
    run.values = arena.take<T>(run.rows + lanes<T>);
    run.right = arena.take<T>(run.rows + lanes<T>);
    if (spec.loss.code >= 0)
        run.blocks = arena.take<T>(most_threads * 3 * ceiling(spec.outputs, lanes<T>) * lanes<T> * lanes<T>);
    run.row_weights = arena.take<double>(run.rows);
    if (spec.mean) run.shift = arena.take<double>(spec.inputs);
    for (Index j = 0; run.shift && j < spec.inputs; ++j) run.shift[j] = spec.offset[j] - spec.mean[j] * spec.scale[j];

    Update<T>& update = run.update;
    update.optimizer = spec.optimizer.code < 0 ? nullptr : &optimizer_table<T>[spec.optimizer.code];
    update.penalty = spec.penalty.code < 0 ? nullptr : &penalty_table<T>[spec.penalty.code];
    update.around = spec.around;
    run.slots = update.optimizer ? update.optimizer->slots + (spec.around.average >= 0.0) : 0;
    update.vectors.weights = arena.take<T>(run.packed_count);
    const bool at_once = update.optimizer && update.at_once() && spec.largest_batch <= run.rows;
    if (spec.loss.code >= 0 && !at_once) update.gradient = arena.take<T>(run.packed_count);
    if (update.optimizer) run.safe_weights = arena.take<T>(run.packed_count);
    for (int s = 0; s < run.slots; ++s) {
        update.vectors.slots[s] = arena.take<T>(run.packed_count);
        run.safe_slots[s] = arena.take<T>(run.packed_count);
    }
    if (update.optimizer && spec.around.average >= 0.0) update.average = update.vectors.slots[run.slots - 1];
    if (spec.around.rate_factors != 0.0) run.rate_factors = arena.take<T>(run.packed_count);
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

template <typename T> inline void forward(const Run<T>& run, const Work<T>& work) {
    for (Index l = 0; l < run.layer_count; ++l) {
        layer_table<T>[run.layers[l].spec->code].forward(work, run.layers[l]);
        work.meet();
    }
}

// From the gradient of the scores in gradients[0].
template <typename T> inline void backward(const Run<T>& run, const Work<T>& work) {
    int current = 0;
    work.meet();  // all have read what the loss wrote
    for (Index l = run.layer_count - 1; l >= run.layers_before; --l) {
        const LayerCode<T>& code = layer_table<T>[run.layers[l].spec->code];
        const int next = code.in_place ? current : 1 - current;
        const Matrix<T> nothing{};
        code.backward(work, run.layers[l], run.gradients[current], l > run.layers_before ? run.gradients[next] : nothing);
        work.meet();
        current = next;
    }
}

// Inputs, targets and weights of the rows [first, first + work.rows) of the order.
template <typename T>
inline void gather_examples(const Run<T>& run, const Work<T>& work, const Examples& examples,
                            const std::uint32_t* order, Index first) {
    const Range mine = share(work.rows, work.part, work.parts);
    const Piece piece{order, first, mine.begin, mine.end};
    gather<T>(examples.x, piece, run.input, scaling_of(run));
    if (!examples.classes) gather<T>(examples.targets, piece, run.targets, Scaling{});
    for (Index row = mine.begin; row < mine.end; ++row) {
        const Index i = order ? static_cast<Index>(order[first + row]) : first + row;
        if (examples.classes) run.classes[row] = examples.classes[i];
        run.row_weights[row] = examples.weights ? examples.weights[i] : 1.0;
    }
}

// What a piece adds to the sums over the batch.
struct Sums {
    double loss, correct;  // Σ wᵢ·lᵢ and Σ wᵢ·[predicted right]
};

// The loss of `lanes` examples from `row` on.
template <typename T>
inline void evaluate_block(const Run<T>& run, const Work<T>& work, const Examples& examples, double total, Index row) {
    const Index width = run.spec.outputs, padded = ceiling(width, lanes<T>) * lanes<T> * lanes<T>;
    const Index count = smaller_of(work.rows - row, lanes<T>);
    T* scores = run.blocks + 3 * padded * work.part;
    T *gradient = scores + padded, *targets = scores + 2 * padded;
    rows_to_lanes<T>(readable(run.scores), row, count, width, scores);
    if (!examples.classes) rows_to_lanes<T>(readable(run.targets), row, count, width, targets);
    LossBlock<T> block{width, scores, gradient, examples.classes ? nullptr : targets, {}, {}, run.spec.loss.numbers};
    for (Index lane = 0; lane < count; ++lane) {
        if (examples.classes) block.classes[lane] = static_cast<typename VectorOf<T>::Integer>(run.classes[row + lane]);
        block.share[lane] = total > 0.0 ? static_cast<T>(run.row_weights[row + lane] / total) : T(0);
    }
    store<T>(run.values + row, loss_table<T>[run.spec.loss.code].evaluate(block));
    if (run.spec.link != Link::identity) store<T>(run.right + row, predicted_right<T>(block, run.spec.link));
    lanes_to_rows<T>(gradient, run.gradients[0], row, count, width);
}

// Loss, gradient of the scores, and the sums, which every part adds up for itself in the same order. `total` is the
// sum of the weights of the whole batch.
template <typename T>
inline Sums evaluate_loss(const Run<T>& run, const Work<T>& work, const Examples& examples, double total) {
    const Range mine = share(ceiling(work.rows, lanes<T>), work.part, work.parts);
    for (Index block = mine.begin; block < mine.end; ++block)
        evaluate_block(run, work, examples, total, block * lanes<T>);
    work.meet();
    Sums sums{};
    for (Index row = 0; row < work.rows; ++row) {
        sums.loss += run.row_weights[row] * static_cast<double>(run.values[row]);
        sums.correct += run.row_weights[row] * static_cast<double>(run.right[row]);
    }
    return sums;
}

template <typename T> inline double penalty_value(const Run<T>& run, const double* numbers) {
    double sum = 0.0;
    if (!run.update.penalty) return sum;
    for (Index l = 0; l < run.layer_count; ++l)
        for (int p = 0; p < run.layers[l].spec->parameter_count; ++p) {
            const ParameterSpec& spec = run.layers[l].spec->parameters[p];
            const Place& place = run.layers[l].places[p];
            for (Index column = 0; spec.penalized && column < ceiling(spec.columns, panel<T>); ++column)
                sum += run.update.penalty->value(numbers, run.update.vectors.weights + place.start + column * place.stride,
                                                 spec.rows * panel<T>);
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
    const AroundSpec& around = update.around;
    for_units<T>(run, work, [&](Index unit, Index start, Index count, bool penalized) {
        update.finish_gradient(start, gradient + start, count, penalized);
        if (around.clip_norm > 0.0) run.squares[unit] = sum_of_squares<T>(gradient + start, count);
    });
    double length = 0.0;
    if (around.clip_norm > 0.0) {
        work.meet();
        for (Index unit = 0; unit < run.units; ++unit) length += run.squares[unit];
        length = __builtin_sqrt(length);
    }
    for_units<T>(run, work, [&](Index, Index start, Index count, bool penalized) {
        if (length > around.clip_norm)
            scale<T>(gradient + start, count, static_cast<T>(around.clip_norm / length));
        update.step(start, gradient + start, count, penalized);
    });
    if (around.max_norm > 0.0) {
        work.meet();
        for_weight_panels<T>(run, work, [&](Index start, Index rows) {
            limit_columns<T>(update.vectors.weights + start, rows, around.max_norm);
        });
        work.meet();
    }
    for_units<T>(run, work, [&](Index, Index start, Index count, bool) { update.move_average(start, count); });
    work.meet();
}

}  // namespace pellucid::PELLUCID_ISA
