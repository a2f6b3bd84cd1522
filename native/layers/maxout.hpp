// Maxout: yⱼ = max over k of (x W + b)ⱼₖ, the pieces of a unit side by side. numbers: how many pieces a unit has.
//
// A dense layer of units·pieces outputs inside; its gradient is that of the unit where a piece won (ties: the first),
// else zero.
#pragma once

#include "dense.hpp"

namespace pellucid::PELLUCID_ISA {

inline const char* check_maxout(const LayerSpec& spec) {
    const double pieces = spec.numbers[0], all = pieces * static_cast<double>(spec.outputs);
    if (!(pieces >= 1.0 && pieces <= 65536.0 && is_whole(pieces) && all <= static_cast<double>(largest_width)))
        return "maxout needs a whole number of pieces, and at most 2**28 of them in all";
    const Index columns = static_cast<Index>(all);
    return spec.parameter_count == 2 && has_shape(spec, 0, spec.inputs, columns) && has_shape(spec, 1, 1, columns)
               ? nullptr
               : "maxout has a weight of the shape (inputs, outputs * pieces) and a bias";
}

template <typename T> inline Index pieces_of(const Layer<T>& layer) {
    return static_cast<Index>(layer.spec->numbers[0]);
}

// The dense layer inside. Its description lies in the arena, since a layer keeps but a pointer to it.
template <typename T> inline Layer<T> dense_inside(const Layer<T>& layer) {
    Layer<T> dense = layer;
    dense.spec = layer.inner_spec;
    dense.output = layer.pieces;
    return dense;
}

template <typename T> inline void maxout_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    LayerSpec* place = arena.take<LayerSpec>(1);
    LayerSpec inner = *layer.spec;
    inner.outputs = layer.spec->outputs * pieces_of(layer);
    const LayerSpec* own = layer.spec;
    layer.spec = &inner;
    dense_lay_out(layer, arena, rows);
    layer.spec = own;
    layer.pieces = take_matrix<T>(arena, rows, inner.outputs);
    layer.bits = arena.take<std::uint32_t>(rows * layer.spec->outputs);  // which piece won
    if (place) *place = inner;
    layer.inner_spec = place;
}

template <typename T> inline void maxout_forward(const Work<T>& work, const Layer<T>& layer) {
    dense_forward(work, dense_inside(layer));
    work.meet();
    const Index units = layer.spec->outputs, pieces = pieces_of(layer);
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row)
        for (Index unit = 0; unit < units; ++unit) {
            const auto z = [&](Index k) {
                const Index column = unit * pieces + k;
                return layer.pieces.at(column / panel<T>, row)[column % panel<T>];
            };
            T best = z(0);
            Index winner = 0;
            for (Index k = 1; k < pieces; ++k) {
                const T other = z(k);
                if (best == best && !(other <= best)) best = other, winner = k;  // the first NaN wins, as in NumPy
            }
            layer.output.at(unit / panel<T>, row)[unit % panel<T>] = best;
            layer.bits[row * units + unit] = static_cast<std::uint32_t>(winner);
        }
}

template <typename T>
inline void maxout_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient, Matrix<T> input_gradient) {
    const Index units = layer.spec->outputs, pieces = pieces_of(layer);
    const Range mine = share(work.rows, work.part, work.parts);
    for (Index row = mine.begin; row < mine.end; ++row)
        for (Index unit = 0; unit < units; ++unit) {
            const T g = gradient.at(unit / panel<T>, row)[unit % panel<T>];
            const Index winner = static_cast<Index>(layer.bits[row * units + unit]);
            for (Index k = 0; k < pieces; ++k) {
                const Index column = unit * pieces + k;
                layer.pieces.at(column / panel<T>, row)[column % panel<T>] = k == winner ? g : T(0);
            }
        }
    work.meet();
    dense_backward(work, dense_inside(layer), layer.pieces, input_gradient);
}

template <typename T>
constexpr LayerCode<T> maxout_code{
    .name = "maxout",
    .numbers = 1,
    .changes_width = true,
    .check = check_maxout,
    .reads_input = true,
    .lay_out = maxout_lay_out<T>,
    .forward = maxout_forward<T>,
    .backward = maxout_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
