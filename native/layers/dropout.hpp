// Dropout: y = x·m/(1 − rate) in training, y = x in prediction. numbers: the threshold of the random words, 1/(1 −
// rate); a schedule has others in each step.
//
// A spatial one drops whole channels: all positions of an example have the same mask.
//
// The mask is kept as bits, 32 columns a word. Row i of the batch draws from block i·⌈columns / 4⌉ on.
#pragma once

#include "layer.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_dropout(const double* numbers) {
    return numbers[0] >= 0.0 && numbers[0] <= 0x1p32
               ? nullptr
               : "dropout compares words of 32 bits with a threshold from 0 to 2**32";
}

template <typename T> inline void dropout_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    layer.bits = arena.take<std::uint32_t>(ceiling(layer.spec->outputs, 32) * rows);
}

template <typename T> inline bool drops(const Work<T>& work, const Layer<T>& layer) {
    return work.training && numbers_of(work, layer)[0] > 0.0;
}

// x·factor where the mask has a 1, else 0. `shared` rows one after the other have the same mask.
template <typename T>
inline void apply_mask(const Work<T>& work, const Layer<T>& layer, Matrix<T> from, Matrix<T> to, Range rows,
                       Index shared) {
    using Integer = typename VectorOf<T>::Integer;
    const Index words = ceiling(layer.spec->outputs, 32), vectors = ceiling(layer.spec->outputs, lanes<T>);
    const T factor = static_cast<T>(numbers_of(work, layer)[1]);
    const Integers<T> bit = (Integers<T>{} + 1) << lane_numbers<T>();
    for (Index row = rows.begin; row < rows.end; ++row) {
        for (Index v = 0; v < vectors; ++v) {
            const std::uint32_t word = layer.bits[row / shared * words + v * lanes<T> / 32] >> (v * lanes<T> % 32);
            const Integers<T> kept = ((Integers<T>{} + static_cast<Integer>(word)) & bit) != 0;
            const Vector<T> x = load<T>(vector_of(from, row, v));
            store<T>(vector_of(to, row, v), kept ? x * factor : Vector<T>{});
        }
    }
}

template <typename T, bool spatial> inline void dropout_forward(const Work<T>& work, const Layer<T>& layer) {
    const Index width = layer.spec->outputs, shared = spatial ? layer.spec->positions : 1;
    if (!drops(work, layer)) {
        if (layer.input.data != layer.output.data)
            map<T>(work, width, layer.input, layer.output, [](Vector<T> x) { return x; });
        return;
    }
    const Stream stream{work.seed, Purpose::layer, static_cast<std::uint32_t>(layer.spec->number), work.step};
    const std::uint64_t threshold = static_cast<std::uint64_t>(numbers_of(work, layer)[0]);
    const Index words = ceiling(width, 32), blocks = ceiling(width, 4);
    const Range mine = share(work.rows / shared, work.part, work.parts);
    const Index first = work.first_row / shared;
    for (Index row = mine.begin; row < mine.end; ++row)
        for (Index word = 0; word < words; ++word)
            layer.bits[row * words + word] =
                words_at_least(stream, static_cast<std::uint64_t>((first + row) * blocks + 8 * word), threshold);
    apply_mask<T>(work, layer, layer.input, layer.output, {mine.begin * shared, mine.end * shared}, shared);
}

template <typename T, bool spatial>
inline void dropout_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    if (drops(work, layer))
        apply_mask<T>(work, layer, gradient, input_gradient, share(work.rows, work.part, work.parts),
                      spatial ? layer.spec->positions : 1);
}

template <typename T, bool spatial>
constexpr LayerCode<T> dropout_code{
    .name = spatial ? "spatial_dropout" : "dropout",
    .numbers = 2,
    .scheduled_numbers = 2,
    .check_numbers = check_dropout,
    .in_place = true,
    .lay_out = dropout_lay_out<T>,
    .forward = dropout_forward<T, spatial>,
    .backward = dropout_backward<T, spatial>,
};

}  // namespace pellucid::PELLUCID_ISA
