// Periodic embedding: each of the first numbers x becomes (x, h V + c) with h = cos(2πxw + b); the columns behind them
// pass. parameters: w and b (numbers, waves), V (numbers, waves·more), c (numbers, more), with `more` outputs beside x.
//
// With q = −sin(2πxw + b)·(g Vᵀ): ∂V = hᵀ g, ∂c = Σ g, ∂b = Σ q, ∂w = 2π Σ x q, ∂x = its own + 2π q·w. The lanes are
// examples: a number's column is gathered into vectors first. A number, in all rows, is one part's alone where
// gradients are summed. Angles are counted in turns.
#pragma once

#include "../math.hpp"
#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_periodic(const LayerSpec& spec) {
    const Index rows = spec.parameters[0].rows, waves = spec.parameters[0].columns, more = spec.parameters[3].columns;
    Index mixture = 0, columns = 0;
    return spec.parameter_count == 4 && rows >= 1 && rows <= spec.inputs && waves >= 1 && more >= 1 &&
                   !__builtin_mul_overflow(waves, more, &mixture) && !__builtin_mul_overflow(rows, more, &columns) &&
                   has_shape(spec, 1, rows, waves) && has_shape(spec, 2, rows, mixture) &&
                   has_shape(spec, 3, rows, more) && spec.outputs - spec.inputs == columns
               ? nullptr
               : "periodic_embedding has frequencies and phases, a mixture and its bias for each of its numbers";
}

// What a part works with: the number at hand's parameters, and its columns of a batch as vectors.
template <typename T> struct Periodic {
    Index waves, more, rows;
    T *frequency, *turn, *mixture, *bias;  // w, b/2π, V as (more, waves), c
    T *x, *of_x, *cosine, *slope, *of_mixed;  // of each row; of_mixed: (more, rows)
    T *wave;  // the cosines of `lanes` examples
    T *gradient[4];  // of each parameter's row, in whole panels
};

// The parts' rooms lie one after the other behind `memory`; without it they are only counted.
template <typename T> inline Periodic<T> periodic_room(const Layer<T>& layer, T* memory, Index rows, Index& count) {
    Periodic<T> room{};
    room.waves = layer.spec->parameters[0].columns;
    room.more = layer.spec->parameters[3].columns;
    room.rows = ceiling(rows, lanes<T>) * lanes<T>;
    count = 0;
    const auto take = [&](Index numbers) {
        T* place = memory ? memory + count : nullptr;
        count += ceiling(numbers, panel<T>) * panel<T>;
        return place;
    };
    room.frequency = take(room.waves);
    room.turn = take(room.waves);
    room.mixture = take(room.waves * room.more);
    room.bias = take(room.more);
    room.x = take(room.rows);
    room.of_x = take(room.rows);
    room.cosine = take(room.rows);
    room.slope = take(room.rows);
    room.of_mixed = take(room.more * room.rows);
    room.wave = take(room.waves * lanes<T>);
    for (int p = 0; p < 4; ++p) room.gradient[p] = take(layer.spec->parameters[p].columns);
    return room;
}

template <typename T> inline void periodic_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    lay_out_matrices(layer, 4);
    Index count;
    periodic_room<T>(layer, nullptr, rows, count);
    layer.constants = arena.take<T>(count * most_threads);
    layer.pieces = {nullptr, rows};  // as many as the rooms are made for
}

template <typename T> inline Periodic<T> room_of(const Work<T>& work, const Layer<T>& layer) {
    Index count;
    periodic_room<T>(layer, nullptr, layer.pieces.stride, count);
    return periodic_room<T>(layer, layer.constants + work.part * count, layer.pieces.stride, count);
}

template <typename T> inline void read_number(const Layer<T>& layer, const Periodic<T>& room, Index number) {
    const auto get = [&](int parameter, Index column) {
        return layer.weights[place_in(layer, parameter, number, column)];
    };
    for (Index k = 0; k < room.waves; ++k) {
        room.frequency[k] = get(0, k);
        room.turn[k] = get(1, k) * static_cast<T>(0.15915494309189533577);  // 1/2π
        for (Index j = 0; j < room.more; ++j) room.mixture[j * room.waves + k] = get(2, k * room.more + j);
    }
    for (Index j = 0; j < room.more; ++j) room.bias[j] = get(3, j);
}

// The columns behind the numbers, in this part's rows.
template <typename T>
inline void pass_columns(const Work<T>& work, Matrix<T> from, Index begin, Index end, Matrix<T> to, Index first) {
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row)
        for (Index column = begin; column < end; ++column)
            number_at(to, row, first + column - begin) = number_at(from, row, column);
}

// `lanes` rows of one number.
template <typename T>
inline void embed_rows(const Layer<T>& layer, const Periodic<T>& room, Index number, Index row, Index count) {
    alignas(64) T block[lanes<T>] = {};
    const Index first = number * (1 + room.more);
    copy_column(layer.input, row, number, count, block);
    copy_column<T>(block, count, layer.output, row, first);
    const Vector<T> x = load<T>(block);
    for (Index k = 0; k < room.waves; ++k)
        store<T>(room.wave + k * lanes<T>, cosine_of_turns<T>(x * room.frequency[k] + room.turn[k]));
    for (Index j = 0; j < room.more; ++j) {
        Vector<T> sum = broadcast<T>(room.bias[j]);
        for (Index k = 0; k < room.waves; ++k)
            sum += load<T>(room.wave + k * lanes<T>) * room.mixture[j * room.waves + k];
        store<T>(block, sum);
        copy_column<T>(block, count, layer.output, row, first + 1 + j);
    }
}

template <typename T> inline void periodic_forward(const Work<T>& work, const Layer<T>& layer) {
    const Periodic<T> room = room_of(work, layer);
    const Index numbers = layer.spec->parameters[0].rows, blocks = ceiling(work.rows, lanes<T>);
    const Range mine = share(numbers * blocks, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index number = unit / blocks, row = unit % blocks * lanes<T>;
        if (row == 0 || unit == mine.begin) read_number(layer, room, number);
        embed_rows(layer, room, number, row, smaller_of(work.rows - row, lanes<T>));
    }
    pass_columns(work, layer.input, numbers, layer.spec->inputs, layer.output, numbers * (1 + room.more));
}

// A number's column and the gradients of its mixtures as vectors; rows beyond the last one count nothing.
template <typename T>
inline void gather_number(const Work<T>& work, const Layer<T>& layer, const Periodic<T>& room, Matrix<T> gradient,
                          Index number) {
    const Index first = number * (1 + room.more), end = ceiling(work.rows, lanes<T>) * lanes<T>;
    const auto take = [&](Matrix<T> from, Index column, T* to) {
        copy_column(from, 0, column, work.rows, to);
        for (Index row = work.rows; row < end; ++row) to[row] = T(0);
    };
    take(layer.input, number, room.x);
    take(gradient, first, room.of_x);
    for (Index j = 0; j < room.more; ++j) take(gradient, first + 1 + j, room.of_mixed + j * room.rows);
}

// The gradients that pass through one wave of the number at hand.
template <typename T> inline void wave_backward(const Periodic<T>& room, Index wave, Index blocks, bool wants_input) {
    constexpr T turn = static_cast<T>(6.28318530717958647693);
    const T frequency = room.frequency[wave];
    for (Index i = 0; i < blocks * lanes<T>; i += lanes<T>) {
        const Direction<T> direction = direction_of<T>(load<T>(room.x + i) * frequency + room.turn[wave]);
        Vector<T> of_wave = {};
        for (Index j = 0; j < room.more; ++j)
            of_wave += load<T>(room.of_mixed + j * room.rows + i) * room.mixture[j * room.waves + wave];
        const Vector<T> slope = -direction.sine * of_wave;
        store<T>(room.cosine + i, direction.cosine);
        store<T>(room.slope + i, slope);
        if (wants_input) store<T>(room.of_x + i, load<T>(room.of_x + i) + slope * (turn * frequency));
    }
    const auto sum = [&](auto&& f) {
        return sum_of_lanes<T>(sum_of_rows<T>(blocks, [&](Index block) { return f(block * lanes<T>); }));
    };
    room.gradient[0][wave] = turn * sum([&](Index i) { return load<T>(room.slope + i) * load<T>(room.x + i); });
    room.gradient[1][wave] = sum([&](Index i) { return load<T>(room.slope + i); });
    for (Index j = 0; j < room.more; ++j)
        room.gradient[2][wave * room.more + j] = sum([&](Index i) {
            return load<T>(room.cosine + i) * load<T>(room.of_mixed + j * room.rows + i);
        });
}

// The gradient of a number's row of each parameter, and its step: nobody else reads or changes it.
template <typename T>
inline void put_number(const Work<T>& work, const Layer<T>& layer, const Periodic<T>& room, Index number) {
    for (int p = 0; p < 4; ++p)
        for (Index column = 0; column < layer.spec->parameters[p].columns; column += panel<T>) {
            const Index start = place_in(layer, p, number, column);
            T* block = room.gradient[p] + column;
            if (work.update) {
                work.update->apply(start, block, panel<T>, layer.spec->parameters[p].penalized);
                continue;
            }
            T* to = layer.gradient + start;
            for (Index i = 0; i < panel<T>; ++i) to[i] = work.adds() ? to[i] + block[i] : block[i];
        }
}

template <typename T>
inline void periodic_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                              Matrix<T> input_gradient) {
    const Periodic<T> room = room_of(work, layer);
    const Index numbers = layer.spec->parameters[0].rows, blocks = ceiling(work.rows, lanes<T>);
    const Range mine = share(numbers, work.part, work.parts);
    for (Index number = mine.begin; number < mine.end; ++number) {
        read_number(layer, room, number);
        gather_number(work, layer, room, gradient, number);
        for (int p = 0; p < 4; ++p)  // zeros in the padding
            for (Index i = 0; i < ceiling(layer.spec->parameters[p].columns, panel<T>) * panel<T>; ++i)
                room.gradient[p][i] = T(0);
        for (Index wave = 0; wave < room.waves; ++wave)
            wave_backward(room, wave, blocks, input_gradient.data != nullptr);
        for (Index j = 0; j < room.more; ++j)
            room.gradient[3][j] = sum_of_lanes<T>(sum_of_rows<T>(
                blocks, [&](Index block) { return load<T>(room.of_mixed + j * room.rows + block * lanes<T>); }));
        if (input_gradient.data) copy_column<T>(room.of_x, work.rows, input_gradient, 0, number);
        put_number(work, layer, room, number);
    }
    if (!input_gradient.data) return;
    pass_columns(work, gradient, numbers * (1 + room.more), layer.spec->outputs, input_gradient, numbers);
    clear_padding(input_gradient, share(work.rows, work.part, work.parts), layer.spec->inputs);
}

template <typename T>
constexpr LayerCode<T> periodic_embedding_code{
    .name = "periodic_embedding",
    .changes_width = true,
    .check = check_periodic,
    .reads_input = true,
    .lay_out = periodic_lay_out<T>,
    .forward = periodic_forward<T>,
    .backward = periodic_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
