// Convolution (correlation, the kernel as it lies): y(i, j) = b + Σ over taps (a, c) of
// x(i·s + a·d, j·s + c·d)·W(a, c).
//
// A tap is a product of rows that are shifted: for one row of outputs the inputs of a tap lie one behind the other, so
// the tile of a dense layer (gemm.hpp) adds up all taps in registers, and nothing is packed. To that end an input with
// padding, or with a stride along its rows, is copied once into a *padded* matrix: rows of an example are `height`
// lines, each of them `phases` (the stride along a line) times `length` columns, column c at (c mod phases,
// c / phases).
//
//     input gradient    the same of the gradient, whose lines are padded, with the tap's matrix transposed; of a
//                       stride, those taps that meet an input
//     weight gradient   of each tap xᵀ g over all lines; sums of at most `block_length` products
//
// A *depthwise* convolution does not mix channels: output f is that of channel f / multiplier alone, and a tap has one
// row of weights. Where the multiplier is more than 1 the padded input holds each channel so many times.
//
// numbers: height, width, kernel height and width, strides, dilations, padding (top, left), outputs (height, width).
// The weight lies as a dense layer's with taps·inputs rows, each panel followed by its bias.
#pragma once

#include "dense.hpp"

namespace pellucid::PELLUCID_ISA {

struct Sliding {
    Index height, width, kernel[2], stride[2], dilation[2], padding[2], outputs[2];

    Index taps() const { return kernel[0] * kernel[1]; }
    Index positions() const { return height * width; }
    Index output_positions() const { return outputs[0] * outputs[1]; }
    // How far the windows reach along an axis, from the first padded position.
    Index reach(int axis) const { return (outputs[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1; }
};

constexpr int sliding_numbers = 12;

inline Sliding sliding_of(const LayerSpec& spec) {
    const auto number = [&](int i) { return static_cast<Index>(spec.numbers[i]); };
    return {number(0), number(1), {number(2), number(3)}, {number(4), number(5)}, {number(6), number(7)},
            {number(8), number(9)}, {number(10), number(11)}};
}

inline const char* check_sliding(const double* numbers) {
    for (int i = 0; i < sliding_numbers; ++i)
        if (!(numbers[i] >= (i == 8 || i == 9 ? 0.0 : 1.0) && numbers[i] <= 65536.0 && is_whole(numbers[i])))
            return "sizes, strides, dilations and paddings are whole numbers up to 65536";
    return nullptr;
}

inline const char* check_windows(const LayerSpec& spec) {
    if (const char* wrong = check_sliding(spec.numbers)) return wrong;
    const Sliding s = sliding_of(spec);
    if (s.positions() != spec.positions || s.output_positions() != spec.output_positions)
        return "its positions are not those of its windows";
    for (int axis = 0; axis < 2; ++axis)
        if (s.reach(axis) > 65536) return "its windows reach over at most 65536 positions";
    return nullptr;
}

// How many rows of the weight a tap has.
template <bool mixes> inline Index rows_of_tap(const LayerSpec& spec) { return mixes ? spec.inputs : 1; }

template <bool mixes> inline const char* check_convolution(const LayerSpec& spec) {
    if (const char* wrong = check_windows(spec)) return wrong;
    if (!mixes && spec.outputs % spec.inputs != 0)
        return "a depthwise convolution has as many filters for each channel";
    if (spec.parameter_count < 1 || spec.parameter_count > 2) return "a convolution has a weight and may have a bias";
    if (!has_shape(spec, 0, sliding_of(spec).taps() * rows_of_tap<mixes>(spec), spec.outputs))
        return "a convolution's weight has the shape (taps * inputs, outputs), a depthwise one's (taps, outputs)";
    if (spec.parameter_count == 2 && !has_shape(spec, 1, 1, spec.outputs))
        return "a convolution's bias has a number for each output";
    return nullptr;
}

// The lines of the padded input, or of the input itself where it needs no padding.
struct Lines {
    Index height, phases, length;
    bool copied;

    Index positions() const { return height * phases * length; }
    // The row of a padded position within an example.
    Index row(Index line, Index column) const { return (line * phases + column % phases) * length + column / phases; }
};

inline Lines lines_of(const Sliding& s, bool repeated = false) {
    const bool as_it_is = !repeated && s.padding[0] == 0 && s.padding[1] == 0 && s.stride[1] == 1 &&
                          s.reach(0) <= s.height && s.reach(1) <= s.width;
    if (as_it_is) return {s.height, 1, s.width, false};
    return {s.reach(0), s.stride[1], ceiling(s.reach(1), s.stride[1]), true};
}

// The gradient with zeros at both ends of its lines, so that every tap of every input meets a number.
struct GradientLines {
    Index before, length;
    bool copied;
};

inline Index floor_of(Index a, Index b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

inline GradientLines gradient_lines_of(const Sliding& s) {
    const Index first = s.padding[1] / s.stride[1] - ceiling((s.kernel[1] - 1) * s.dilation[1], s.stride[1]);
    const Index last = (s.padding[1] + s.width - 1) / s.stride[1];
    const Index before = larger_of(0, -first), behind = larger_of(0, last - (s.outputs[1] - 1));
    return {before, before + s.outputs[1] + behind, before + behind > 0};
}

template <bool mixes> inline Lines lines_of_layer(const LayerSpec& spec) {
    return lines_of(sliding_of(spec), !mixes && spec.inputs != spec.outputs);
}

template <typename T> inline Matrix<const T> lines_in(const Layer<T>& layer, const Lines& lines) {
    return lines.copied ? readable(layer.pieces) : readable(layer.input);
}

template <typename T> inline void copy_line(Matrix<const T> from, Index row, Matrix<T> to, Index to_row, Index width) {
    for (Index p = 0; p < ceiling(width, panel<T>); ++p)
        for (int half = 0; half < (is_narrow<T>(width, p) ? 1 : 2); ++half)
            store<T>(to.at(p, to_row) + half * lanes<T>, load<T>(from.at(p, row) + half * lanes<T>));
}

// This part's lines of the input, padded, `width` channels of them.
template <typename T>
inline void pad_lines(const Work<T>& work, const Layer<T>& layer, const Sliding& s, const Lines& lines, Index width) {
    if (!lines.copied) return;
    const LayerSpec& spec = *layer.spec;
    const Range mine = share(work.rows / spec.positions * lines.height, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index example = unit / lines.height, line = unit % lines.height, from = line - s.padding[0];
        const bool inside = from >= 0 && from < s.height;
        for (Index c = 0; c < lines.phases * lines.length; ++c) {
            const Index column = c - s.padding[1], to = example * lines.positions() + lines.row(line, c);
            const Index row = example * spec.positions + from * s.width + column;
            if (!inside || column < 0 || column >= s.width)
                fill_row(layer.pieces, to, ceiling(width, lanes<T>) * lanes<T>, T(0));
            else if (width == spec.inputs)
                copy_line<T>(readable(layer.input), row, layer.pieces, to, width);
            else  // each channel several times
                for (Index f = 0; f < width; ++f)
                    number_at(layer.pieces, to, f) = number_at(layer.input, row, f / (width / spec.inputs));
        }
    }
}

template <typename T, bool mixes> inline void convolution_lay_out(Layer<T>& layer, Arena& arena, Index rows) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    const Index inner = s.taps() * rows_of_tap<mixes>(spec), examples = rows / spec.positions;
    const bool has_bias = spec.parameter_count > 1;
    const Index stride = (inner + (has_bias ? 1 : 0)) * panel<T>;
    layer.places[0] = {layer.packed_start, stride};
    layer.places[1] = {layer.packed_start + inner * panel<T>, stride};
    layer.packed_end = layer.packed_start + ceiling(spec.outputs, panel<T>) * stride;
    const Lines lines = lines_of_layer<mixes>(spec);
    if (lines.copied)
        layer.pieces = take_matrix<T>(arena, examples * lines.positions(), mixes ? spec.inputs : spec.outputs);
    if (mixes)  // Wᵀ of each tap
        layer.scratch = {arena.take<T>(ceiling(spec.inputs, panel<T>) * s.taps() * spec.outputs * panel<T>),
                         s.taps() * spec.outputs * panel<T>};
    else if (spec.inputs != spec.outputs)  // the gradient of each repeated channel
        layer.scratch = take_matrix<T>(arena, rows, spec.outputs);
    const GradientLines gradient = gradient_lines_of(s);
    if (gradient.copied)
        layer.padded = take_matrix<T>(arena, examples * s.outputs[0] * gradient.length, spec.outputs);
}

// One tile: `rows` rows of y, `step` apart, from `y_row` on, `vectors` vectors from panel `column` on. `taps(f)` calls
// f(row of x, row of w) for each tap that is added; x is `inner` wide.
template <typename T, bool mixes, int rows, int vectors, typename Taps>
inline void convolution_tile(Matrix<const T> x, Matrix<const T> w, const T* bias, Matrix<T> y, Index y_row, Index step,
                             Index column, Index inner, Taps&& taps) {
    Vector<T> sum[rows][vectors] = {};
    bool fresh = true;
    const auto flush = [&] {
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
            T* out = y.at(column + v / 2, y_row) + (v % 2) * lanes<T>;
            const Vector<T> start = fresh && bias ? load<T>(bias + (v / 2) * w.stride + (v % 2) * lanes<T>)
                                                  : Vector<T>{};
#pragma GCC unroll 16
            for (int r = 0; r < rows; ++r) {
                T* place = out + r * step * panel<T>;
                store<T>(place, sum[r][v] + (fresh ? start : load<T>(place)));
                sum[r][v] = Vector<T>{};
            }
        }
        fresh = false;
    };
    Index length = 0;
    taps([&](Index x_row, Index w_row) {
        if constexpr (!mixes) {
            if (++length > block_length<T>) flush(), length = 1;
            const T *from = x.at(column, x_row), *by = w.at(column, w_row);
#pragma GCC unroll 16
            for (int v = 0; v < vectors; ++v) {
                const Vector<T> factor = load<T>(by + v * lanes<T>);
#pragma GCC unroll 16
                for (int r = 0; r < rows; ++r) sum[r][v] += load<T>(from + r * panel<T> + v * lanes<T>) * factor;
            }
            return;
        }
        for (Index k = 0; k < inner;) {
            const Index count = smaller_of(panel<T>, inner - k);
            if (length + count > block_length<T>) flush(), length = 0;
            multiply<T, rows, vectors, panel<T>, 1>(sum, x.at(k / panel<T>, x_row), w.at(column, w_row + k), w.stride,
                                                    count);
            k += count, length += count;
        }
    });
    flush();
}

// A line of y of `count` rows in tiles of about the same height.
template <typename T, bool mixes, typename Taps>
inline void convolution_line(Matrix<const T> x, Matrix<const T> w, const T* bias, Matrix<T> y, Index y_row, Index step,
                             Index count, Index column, Index width, Index inner, Taps&& taps) {
    const Index tiles = ceiling(count, tile_rows);
    const bool narrow = is_narrow<T>(width, column);
    for (Index tile = 0; tile < tiles; ++tile) {
        const Range of = share(count, tile, tiles);
        const auto shifted = [&](auto&& f) { taps([&](Index x_row, Index w_row) { f(x_row + of.begin, w_row); }); };
        with_constant<tile_rows>(static_cast<int>(of.end - of.begin), [&](auto height) {
            if (narrow)
                convolution_tile<T, mixes, decltype(height)::value, 1>(x, w, bias, y, y_row + of.begin * step, step,
                                                                       column, inner, shifted);
            else
                convolution_tile<T, mixes, decltype(height)::value, 2>(x, w, bias, y, y_row + of.begin * step, step,
                                                                       column, inner, shifted);
        });
    }
}

template <typename T, bool mixes> inline void convolution_forward(const Work<T>& work, const Layer<T>& layer) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    const Lines lines = lines_of_layer<mixes>(spec);
    pad_lines(work, layer, s, lines, mixes ? spec.inputs : spec.outputs);
    if (lines.copied) work.meet();
    const Matrix<const T> x = lines_in(layer, lines);
    const Matrix<const T> w{layer.weights + layer.places[0].start, layer.places[0].stride};
    const Index all = work.rows / spec.positions * s.outputs[0];
    const Range mine = share_tiles<T>(spec.outputs, all, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / all, line = unit % all, example = line / s.outputs[0], i = line % s.outputs[0];
        const T* bias =
            spec.parameter_count > 1 ? layer.weights + layer.places[1].start + column * w.stride : nullptr;
        const auto taps = [&](auto&& f) {
            for (Index a = 0, tap = 0; a < s.kernel[0]; ++a)
                for (Index b = 0; b < s.kernel[1]; ++b, ++tap)
                    f(example * lines.positions() + lines.row(i * s.stride[0] + a * s.dilation[0], b * s.dilation[1]),
                      tap * rows_of_tap<mixes>(spec));
        };
        convolution_line<T, mixes>(x, w, bias, layer.output, line * s.outputs[1], 1, s.outputs[1], column, spec.outputs,
                                   spec.inputs, taps);
    }
}

// The gradient's lines with zeros at their ends.
template <typename T>
inline void pad_gradient(const Work<T>& work, const Layer<T>& layer, const Sliding& s, const GradientLines& lines,
                         Matrix<T> gradient) {
    if (!lines.copied) return;
    const Index width = layer.spec->outputs;
    const Range mine = share(work.rows / layer.spec->positions * s.outputs[0], work.part, work.parts);
    for (Index line = mine.begin; line < mine.end; ++line)
        for (Index c = 0; c < lines.length; ++c) {
            const Index j = c - lines.before, to = line * lines.length + c;
            if (j >= 0 && j < s.outputs[1])
                copy_line<T>(readable(gradient), line * s.outputs[1] + j, layer.padded, to, width);
            else
                fill_row(layer.padded, to, ceiling(width, lanes<T>) * lanes<T>, T(0));
        }
}

template <typename T, bool mixes>
inline void convolution_input_gradient(const Work<T>& work, const Layer<T>& layer, const Sliding& s, Matrix<T> gradient,
                                       Matrix<T> input_gradient) {
    const LayerSpec& spec = *layer.spec;
    const GradientLines lines = gradient_lines_of(s);
    pad_gradient(work, layer, s, lines, gradient);
    for (Index tap = 0; mixes && tap < s.taps(); ++tap)
        transpose<T>({layer.weights + layer.places[0].start + tap * spec.inputs * panel<T>, layer.places[0].stride},
                     {layer.scratch.data + tap * spec.outputs * panel<T>, layer.scratch.stride}, spec.inputs,
                     spec.outputs, work.part, work.parts);
    work.meet();
    const Matrix<const T> g = lines.copied ? readable(layer.padded) : readable(gradient);
    const Matrix<const T> w =
        mixes ? readable(layer.scratch)
              : Matrix<const T>{layer.weights + layer.places[0].start, layer.places[0].stride};
    const bool repeated = !mixes && spec.inputs != spec.outputs;
    const Matrix<T> into = repeated ? layer.scratch : input_gradient;
    const Index width = mixes ? spec.inputs : spec.outputs, all = work.rows / spec.positions * s.height;
    const Range mine = share_tiles<T>(width, all, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / all, line = unit % all, example = line / s.height;
        const Index padded = line % s.height + s.padding[0];
        for (Index phase = 0; phase < s.stride[1]; ++phase) {
            const Index first = ceiling(larger_of(s.padding[1] - phase, 0), s.stride[1]);
            const Index last = floor_of(s.padding[1] + s.width - 1 - phase, s.stride[1]);
            if (last < first) continue;
            const auto taps = [&](auto&& f) {
                for (Index a = 0; a < s.kernel[0]; ++a) {
                    const Index from = padded - a * s.dilation[0], i = from / s.stride[0];
                    if (from < 0 || from % s.stride[0] != 0 || i >= s.outputs[0]) continue;
                    for (Index b = 0; b < s.kernel[1]; ++b) {
                        const Index shift = b * s.dilation[1] - phase;
                        if (shift % s.stride[1] != 0) continue;
                        f((example * s.outputs[0] + i) * lines.length + lines.before + first - shift / s.stride[1],
                          (a * s.kernel[1] + b) * (mixes ? spec.outputs : 1));
                    }
                }
            };
            convolution_line<T, mixes>(g, w, nullptr, into, line * s.width + first * s.stride[1] + phase - s.padding[1],
                                       s.stride[1], last - first + 1, column, width, spec.outputs, taps);
        }
    }
    if (!repeated) return;
    work.meet();
    const Index multiplier = spec.outputs / spec.inputs;
    const Range rows = share(work.rows, work.part, work.parts);
    for (Index row = rows.begin; row < rows.end; ++row)
        for (Index c = 0; c < spec.inputs; ++c) {
            T sum = T(0);
            for (Index k = 0; k < multiplier; ++k) sum += number_at(into, row, c * multiplier + k);
            number_at(input_gradient, row, c) = sum;
        }
    clear_padding(input_gradient, rows, spec.inputs);
}

// A tile of the weight's gradient: rows of the weight that begin `row_step` numbers apart in x.
template <typename T, int rows, int vectors, Index row_step>
inline void weight_tile(const T* x, const T* g, T* out, Index lines_of_examples, Index lines, Index x_line,
                        Index x_example, Index length, bool add) {
    Vector<T> sum[rows][vectors] = {};
    const auto flush = [&] {
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
            for (int v = 0; v < vectors; ++v) {
                T* place = out + r * panel<T> + v * lanes<T>;
                store<T>(place, add ? load<T>(place) + sum[r][v] : sum[r][v]);
                sum[r][v] = Vector<T>{};
            }
            if constexpr (vectors == 1) store<T>(out + r * panel<T> + lanes<T>, Vector<T>{});
        }
        add = true;
    };
    Index done = 0;
    for (Index line = 0, in_example = 0; line < lines_of_examples; ++line) {
        if (done + length > block_length<T> && done > 0) flush(), done = 0;
        multiply<T, rows, vectors, row_step, panel<T>>(sum, x, g, 0, length);
        done += length;
        g += length * panel<T>;
        x += x_line * panel<T>;
        if (++in_example == lines) in_example = 0, x += x_example * panel<T>;
    }
    flush();
}

// The first rows of one tap's gradient in panel `column`: `count` rows from input `input` on, or, of a single channel,
// from the tap on along the kernel's line.
template <typename T, Index row_step>
inline void weight_rows(const Layer<T>& layer, const Sliding& s, const Lines& lines, Matrix<T> gradient, Index examples,
                        Index column, Index tap, Index input, Index count, T* out, bool add) {
    const LayerSpec& spec = *layer.spec;
    const Index start = lines.row(tap / s.kernel[1] * s.dilation[0], tap % s.kernel[1] * s.dilation[1]);
    const Matrix<const T> x = lines_in(layer, lines);
    const Index of_line = s.stride[0] * lines.phases * lines.length;
    const Index of_example = lines.positions() - s.outputs[0] * of_line;
    const T* from = x.at(input / panel<T>, start) + input % panel<T>;
    with_constant<tile_rows>(static_cast<int>(count), [&](auto height) {
        constexpr int rows = decltype(height)::value;
        if (is_narrow<T>(spec.outputs, column))
            weight_tile<T, rows, 1, row_step>(from, gradient.at(column, 0), out, examples * s.outputs[0], s.outputs[0],
                                              of_line, of_example, s.outputs[1], add);
        else
            weight_tile<T, rows, 2, row_step>(from, gradient.at(column, 0), out, examples * s.outputs[0], s.outputs[0],
                                              of_line, of_example, s.outputs[1], add);
    });
}

template <typename T>
inline void convolution_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                                 Matrix<T> input_gradient) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    const Lines lines = lines_of_layer<true>(spec);
    if (input_gradient.data) {
        convolution_input_gradient<T, true>(work, layer, s, gradient, input_gradient);
        work.meet();
    }
    // The weight is read no more: what follows may change it.
    const bool has_bias = spec.parameter_count > 1;
    const Index examples = work.rows / spec.positions;
    // Of a single channel the taps of a line of the kernel lie as the channels of others do.
    const bool single = spec.inputs == 1 && s.stride[1] == 1 && s.dilation[1] == 1;
    const Index wide = single ? s.kernel[1] : smaller_of(spec.inputs, panel<T>);  // what lies together
    const Index tiles = ceiling(wide, tile_rows);
    const Index blocks = single ? s.kernel[0] : s.taps() * ceiling(spec.inputs, panel<T>);
    const Range mine = share_tiles<T>(spec.outputs, blocks * tiles, work.part, work.parts);
    alignas(64) T block[panel<T> * panel<T>];
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / (blocks * tiles), place = unit % (blocks * tiles) / tiles, tile = unit % tiles;
        const Index of_tap = ceiling(spec.inputs, panel<T>);
        const Index tap = single ? place * s.kernel[1] : place / of_tap;
        const Index first = single ? 0 : place % of_tap * panel<T>;
        const Range of = share(single ? wide : smaller_of(spec.inputs - first, panel<T>), tile, tiles);
        const Index count = of.end - of.begin;
        const Index row = single ? tap + of.begin : tap * spec.inputs + first + of.begin;
        if (count > 0) {
            const Index start = layer.places[0].start + column * layer.places[0].stride + row * panel<T>;
            T* out = work.update ? block : layer.gradient + start;
            if (single)
                weight_rows<T, panel<T>>(layer, s, lines, gradient, examples, column, tap + of.begin, 0, count, out,
                                         work.adds());
            else
                weight_rows<T, 1>(layer, s, lines, gradient, examples, column, tap, first + of.begin, count, out,
                                  work.adds());
            if (work.update) work.update->apply(start, block, count * panel<T>, spec.parameters[0].penalized);
        }
        if (!has_bias || unit % (blocks * tiles) > 0) continue;
        const Index bias = layer.places[1].start + column * layer.places[1].stride;
        T* of_bias = work.update ? block : layer.gradient + bias;
        column_sums<T>(gradient.at(column, 0), of_bias, examples * spec.output_positions,
                       is_narrow<T>(spec.outputs, column), work.adds());
        if (work.update) work.update->apply(bias, block, panel<T>, spec.parameters[1].penalized);
    }
}

template <typename T>
inline void depthwise_backward(const Work<T>& work, const Layer<T>& layer, Matrix<T> gradient,
                               Matrix<T> input_gradient) {
    const LayerSpec& spec = *layer.spec;
    const Sliding s = sliding_of(spec);
    const Lines lines = lines_of_layer<false>(spec);
    if (input_gradient.data) {
        convolution_input_gradient<T, false>(work, layer, s, gradient, input_gradient);
        work.meet();
    }
    const Matrix<const T> x = lines_in(layer, lines);
    const Index all = work.rows / spec.positions * s.outputs[0], rows = s.taps() + (spec.parameter_count > 1 ? 1 : 0);
    const Range mine = share(ceiling(spec.outputs, lanes<T>) * rows, work.part, work.parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {  // a vector of one tap, or, behind the last, of the bias
        const Index number = unit / rows, tap = unit % rows;
        const bool is_bias = tap == s.taps();
        const Index offset = is_bias ? 0
                                     : lines.row(tap / s.kernel[1] * s.dilation[0], tap % s.kernel[1] * s.dilation[1]);
        Vector<T> total = {};
        for (Index line = 0; line < all; ++line) {
            const Index example = line / s.outputs[0], i = line % s.outputs[0];
            const T* g = gradient.at(number / 2, line * s.outputs[1]) + number % 2 * lanes<T>;
            const T* from = x.at(number / 2, example * lines.positions() + lines.row(i * s.stride[0], 0) + offset) +
                            number % 2 * lanes<T>;
            total += sum_of_rows<T>(s.outputs[1], [&](Index j) {
                const Vector<T> slope = load<T>(g + j * panel<T>);
                return is_bias ? slope : slope * load<T>(from + j * panel<T>);
            });
        }
        const Vector<T> inside = columns_of<T>(spec.outputs, number) ? total : Vector<T>{};  // padding stays zero
        const Index start = layer.places[0].start + number / 2 * layer.places[0].stride + tap * panel<T> +
                            number % 2 * lanes<T>;
        alignas(64) T block[lanes<T>];
        T* out = work.update ? block : layer.gradient + start;
        store<T>(out, work.adds() ? load<T>(out) + inside : inside);
        if (work.update) work.update->apply(start, block, lanes<T>, spec.parameters[is_bias ? 1 : 0].penalized);
    }
}

template <typename T>
constexpr LayerCode<T> convolution_code{
    .name = "convolution",
    .numbers = sliding_numbers,
    .changes_width = true,
    .changes_positions = true,
    .check = check_convolution<true>,
    .reads_input = true,
    .lay_out = convolution_lay_out<T, true>,
    .forward = convolution_forward<T, true>,
    .backward = convolution_backward<T>,
};

template <typename T>
constexpr LayerCode<T> depthwise_code{
    .name = "depthwise_convolution",
    .numbers = sliding_numbers,
    .changes_width = true,
    .changes_positions = true,
    .check = check_convolution<false>,
    .reads_input = true,
    .lay_out = convolution_lay_out<T, false>,
    .forward = convolution_forward<T, false>,
    .backward = depthwise_backward<T>,
};

}  // namespace pellucid::PELLUCID_ISA
