// The matrix products of a dense layer.
//
// Contract. A matrix (rows, columns) is kept in *panels*: panel<T> columns wide, one after the other,
//
//     element (i, j)  at  (j / panel) * stride  +  i * panel  +  j % panel
//
// where `stride` is the distance of two panels, at least rows * panel. Columns that fill up the last panel are zero in
// weights and gradients, so that every product and every optimizer may run over whole vectors without a mask, and
// may be anything in activations. In this layout
//
//     scores           Y  = X W + b     tile rows: examples;  walks along the inputs
//     weight gradient  dW = Xᵀ dY       tile rows: inputs;    walks along the examples; lands in the weight's layout
//     input gradient   dX = dY Wᵀ       as the first, after Wᵀ was laid out in panels, block by block
//
// are one kernel: a tile of up to tile_rows x 2 vectors of sums in registers; nothing has to be packed.
//
// Of a network with a handful of units a panel would be mostly padding. Its matrices are kept *transposed*: a row for
// each unit, the examples side by side, and a last row of ones, so that the bias is one more row of the weight:
//
//     scores           Y  = Wᵀ X        the kernel of the weight gradient
//     input gradient   dX = W dY        the kernel of the scores
//     weight gradient  dW = X dYᵀ       sums over vectors of examples, then over their lanes
//
// Every sum runs along the inner dimension in ascending order, in blocks whose length depends on that dimension
// alone. Neither the height of a tile, nor the number of rows, nor the number of threads can change a bit of it.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T> struct Matrix {
    T* data;
    Index stride;  // from panel to panel
    T* at(Index panel_number, Index row) const { return data + panel_number * stride + row * panel<T>; }
};

// Whether the second half of a panel is nothing but padding, and may be left out.
template <typename T> inline bool is_narrow(Index width, Index panel_number) {
    return width - panel_number * panel<T> <= lanes<T>;
}

// The number of inputs whose products are summed in one go. Shorter: more traffic of partial sums. Longer: the
// factor falls out of the first-level cache, and the rounding errors of one long chain grow.
template <typename T> constexpr Index block_length = 512;

// sum[r][v] += Σ_k a[r, k]·b[k, v]. The rows of `a` are `row_step` apart and its columns `inner_step`.
template <typename T, int rows, int vectors, Index row_step, Index inner_step>
[[gnu::always_inline]] inline void multiply(Vector<T> (&sum)[rows][vectors], const T* a, const T* b, Index b_stride,
                                            Index inner) {
    for (Index k = 0; k < inner; ++k) {
        Vector<T> factor[vectors];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v)
            factor[v] = load<T>(b + (v / 2) * b_stride + k * panel<T> + (v % 2) * lanes<T>);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
            const Vector<T> left = broadcast<T>(a[r * row_step + k * inner_step]);
#pragma GCC unroll 16
            for (int v = 0; v < vectors; ++v) sum[r][v] += left * factor[v];
        }
    }
}

// One tile of Y = X W + b: `rows` examples from `row` on, `vectors` vectors from panel `column` on.
template <typename T, int rows, int vectors>
inline void product_tile(Matrix<const T> x, Matrix<const T> w, const T* bias, Matrix<T> y, Index row, Index column,
                         Index begin, Index end) {
    Vector<T> sum[rows][vectors] = {};
    for (Index k = begin; k < end;) {
        const Index inner = smaller_of(panel<T> - k % panel<T>, end - k);
        multiply<T, rows, vectors, panel<T>, 1>(sum, x.at(k / panel<T>, row) + k % panel<T>, w.at(column, k), w.stride,
                                                inner);
        k += inner;
    }
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) {
        T* out = y.at(column + v / 2, row) + (v % 2) * lanes<T>;
        const Vector<T> start = begin == 0 && bias ? load<T>(bias + (v / 2) * w.stride + (v % 2) * lanes<T>)
                                                   : Vector<T>{};
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r)
            store<T>(out + r * panel<T>, sum[r][v] + (begin == 0 ? start : load<T>(out + r * panel<T>)));
    }
}

template <int number> struct Constant {
    static constexpr int value = number;
};

// Calls f(Constant<count>) for a count of 1 … largest.
template <int largest, typename F> [[gnu::always_inline]] inline void with_constant(int count, F&& f) {
    if constexpr (largest > 1) {
        if (count < largest) return with_constant<largest - 1>(count, f);
    }
    f(Constant<largest>{});
}

// This part's units of a matrix that is cut into `tiles` a panel, panel by panel, where those of a narrow last panel
// are half the work of the others.
template <typename T> inline Range share_tiles(Index width, Index tiles, int part, int parts) {
    const Index panels = ceiling(width, panel<T>), whole = panels - is_narrow<T>(width, panels - 1);
    const auto unit_at = [&](Index work) {
        return work <= 2 * whole * tiles ? ceiling(work, 2) : work - whole * tiles;
    };
    const Range work = share((whole + panels) * tiles, part, parts);
    return {unit_at(work.begin), unit_at(work.end)};
}

// Y = X W + b: part `part` of `parts` of it. Y has `rows` rows and `width` columns, X `inner` columns. `bias` points at
// the first panel's bias, the next ones are w.stride further; null: none.
template <typename T>
inline void product(Matrix<const T> x, Matrix<const T> w, const T* bias, Matrix<T> y, Index rows, Index width,
                    Index inner, int part, int parts) {
    const Index tiles = ceiling(rows, tile_rows);
    const Range mine = share_tiles<T>(width, tiles, part, parts);
    const Index blocks = larger_of(1, ceiling(inner, block_length<T>));
    for (Index block = 0; block < blocks; ++block) {
        const Range along = share(inner, block, blocks);
        for (Index unit = mine.begin; unit < mine.end; ++unit) {
            const Index column = unit / tiles;
            const Range of = share(rows, unit % tiles, tiles);
            const T* column_bias = bias ? bias + column * w.stride : nullptr;
            with_constant<tile_rows>(static_cast<int>(of.end - of.begin), [&](auto height) {
                if (is_narrow<T>(width, column))
                    product_tile<T, decltype(height)::value, 1>(x, w, column_bias, y, of.begin, column, along.begin,
                                                                along.end);
                else
                    product_tile<T, decltype(height)::value, 2>(x, w, column_bias, y, of.begin, column, along.begin,
                                                                along.end);
            });
        }
    }
}

// One tile of dW = Xᵀ dY: inputs a … a + rows − 1 of one panel of X, `vectors` vectors of one panel of dY.
template <typename T, int rows, int vectors>
inline void gradient_tile(const T* x, const T* dy, T* dw, Index begin, Index end, bool add) {
    Vector<T> sum[rows][vectors] = {};
    multiply<T, rows, vectors, 1, panel<T>>(sum, x + begin * panel<T>, dy + begin * panel<T>, 0, end - begin);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
            T* out = dw + r * panel<T> + v * lanes<T>;
            store<T>(out, add ? load<T>(out) + sum[r][v] : sum[r][v]);
        }
        if constexpr (vectors == 1) store<T>(dw + r * panel<T> + lanes<T>, Vector<T>{});
    }
}

// A panel times a panel of dW = Xᵀ dY: `inputs` rows of dW, at most a panel's, from `examples` rows of X and dY.
// With `add` the products are added to what is there.
template <typename T>
inline void gradient_block(const T* x, const T* dy, T* dw, Index inputs, Index examples, bool narrow, bool add) {
    const Index tiles = ceiling(inputs, tile_rows);
    const Index blocks = larger_of(1, ceiling(examples, block_length<T>));
    for (Index block = 0; block < blocks; ++block) {
        const Range along = share(examples, block, blocks);
        for (Index tile = 0; tile < tiles; ++tile) {
            const Range of = share(inputs, tile, tiles);
            T* out = dw + of.begin * panel<T>;
            with_constant<tile_rows>(static_cast<int>(of.end - of.begin), [&](auto height) {
                if (narrow)
                    gradient_tile<T, decltype(height)::value, 1>(x + of.begin, dy, out, along.begin, along.end,
                                                                 add || block > 0);
                else
                    gradient_tile<T, decltype(height)::value, 2>(x + of.begin, dy, out, along.begin, along.end,
                                                                 add || block > 0);
            });
        }
    }
}

// The sums of the columns of one panel of dY: the gradient of the bias. The second vector of a narrow one is padding,
// which may hold anything.
template <typename T> inline void column_sums(const T* dy, T* out, Index examples, bool narrow, bool add) {
    Vector<T> sum[2] = {};
    for (Index i = 0; i < examples; ++i)
        for (int v = 0; v < 2; ++v) sum[v] += load<T>(dy + i * panel<T> + v * lanes<T>);
    if (narrow) sum[1] = Vector<T>{};
    for (int v = 0; v < 2; ++v)
        store<T>(out + v * lanes<T>, add ? load<T>(out + v * lanes<T>) + sum[v] : sum[v]);
}

// a0 b0 a1 b1 … of the lower (0) or the upper (1) halves of a and b.
template <typename T, int half> inline Vector<T> interleave(Vector<T> a, Vector<T> b) {
#if defined(__clang__)
    T left[lanes<T>], right[lanes<T>], both[lanes<T>];
    store<T>(left, a), store<T>(right, b);
    for (Index lane = 0; lane < lanes<T>; ++lane)
        both[lane] = (lane % 2 ? right : left)[half * lanes<T> / 2 + lane / 2];
    return load<T>(both);
#else
    using Integer = typename VectorOf<T>::Integer;
    Integers<T> from;
    for (Index lane = 0; lane < lanes<T>; ++lane)
        from[lane] = static_cast<Integer>(half * lanes<T> / 2 + lane / 2 + (lane % 2) * lanes<T>);
    return __builtin_shuffle(a, b, from);
#endif
}

// A square of lanes x lanes numbers transposed: log2(lanes) perfect shuffles of its rows. Rows are `from_step` apart,
// of which `from_rows` are there, the others being zero; `to_rows` rows are written, `to_step` apart.
template <typename T, Index from_step, Index to_step>
inline void transpose_square(const T* from, Index from_rows, T* to, Index to_rows) {
    constexpr int size = static_cast<int>(lanes<T>);
    Vector<T> row[size];
    for (int r = 0; r < size; ++r) row[r] = r < from_rows ? load<T>(from + r * from_step) : Vector<T>{};
#pragma GCC unroll 4
    for (int stage = 1; stage < size; stage *= 2) {
        Vector<T> next[size];
#pragma GCC unroll 16
        for (int r = 0; r < size / 2; ++r) {
            next[2 * r] = interleave<T, 0>(row[r], row[r + size / 2]);
            next[2 * r + 1] = interleave<T, 1>(row[r], row[r + size / 2]);
        }
#pragma GCC unroll 16
        for (int r = 0; r < size; ++r) row[r] = next[r];
    }
    for (int r = 0; r < size; ++r)
        if (r < to_rows) store<T>(to + r * to_step, row[r]);
}

// The rows [row, row + rows) of a matrix, at most `lanes`, side by side: column j in the vector `to` + j·lanes.
template <typename T>
inline void rows_to_lanes(Matrix<const T> from, Index row, Index rows, Index width, T* to) {
    for (Index j = 0; j < width; j += lanes<T>)
        transpose_square<T, panel<T>, lanes<T>>(from.at(j / panel<T>, row) + j % panel<T>, rows, to + j * lanes<T>,
                                                width - j);
}

// The way back; columns of padding become zero, up to a whole vector.
template <typename T> inline void lanes_to_rows(const T* from, Matrix<T> to, Index row, Index rows, Index width) {
    for (Index j = 0; j < width; j += lanes<T>)
        transpose_square<T, lanes<T>, panel<T>>(from + j * lanes<T>, width - j, to.at(j / panel<T>, row) + j % panel<T>,
                                                rows);
}

// sum[r] of lane l is Σ over the lanes of part[r][l]: log2(lanes) rounds of perfect shuffles, each adding up halves.
// Vectors from `count` on count as zero.
template <typename T, int count> inline Vector<T> sums_of_lanes(const Vector<T> (&part)[count]) {
    constexpr int size = static_cast<int>(lanes<T>);
    Vector<T> row[size];
#pragma GCC unroll 16
    for (int r = 0; r < size; ++r) row[r] = r < count ? part[r < count ? r : 0] : Vector<T>{};
#pragma GCC unroll 4
    for (int half = size / 2; half > 0; half /= 2) {
#pragma GCC unroll 16
        for (int r = 0; r < half; ++r)
            row[r] = interleave<T, 0>(row[r], row[r + half]) + interleave<T, 1>(row[r], row[r + half]);
    }
    return row[0];
}

// One tile of dW = X dYᵀ where both have the examples side by side, `columns` of them: rows i … i + rows − 1 of X, the
// first `outputs` rows of dY. Writes whole rows of a panel.
template <typename T, int rows, int outputs>
inline void transposed_gradient_tile(Matrix<const T> x, Index i, Matrix<const T> dy, Index columns, T* dw, bool add) {
    Vector<T> sum[rows][outputs] = {};
    for (Index v = 0; v < ceiling(columns, lanes<T>); ++v) {
        const T *left = x.at(v / 2, i) + v % 2 * lanes<T>, *right = dy.at(v / 2, 0) + v % 2 * lanes<T>;
#pragma GCC unroll 2
        for (int r = 0; r < rows; ++r) {
            const Vector<T> factor = load<T>(left + r * panel<T>);
#pragma GCC unroll 16
            for (int j = 0; j < outputs; ++j) sum[r][j] += factor * load<T>(right + j * panel<T>);
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < rows; ++r) {
        const Vector<T> row = sums_of_lanes<T, outputs>(sum[r]);
        T* out = dw + r * panel<T>;
        store<T>(out, add ? load<T>(out) + row : row);
        store<T>(out + lanes<T>, Vector<T>{});
    }
}

// Rows [begin, end) of dW = X dYᵀ, for at most `lanes` rows of dY.
template <typename T>
inline void transposed_gradient(Matrix<const T> x, Matrix<const T> dy, T* dw, Index begin, Index end, Index outputs,
                                Index columns, bool add) {
    with_constant<static_cast<int>(lanes<T>)>(static_cast<int>(outputs), [&](auto width) {
        constexpr int count = decltype(width)::value, height = 2 * count <= static_cast<int>(lanes<T>) ? 2 : 1;
        Index i = begin;
        for (; i + height <= end; i += height)
            transposed_gradient_tile<T, height, count>(x, i, dy, columns, dw + (i - begin) * panel<T>, add);
        for (; i < end; ++i)
            transposed_gradient_tile<T, 1, count>(x, i, dy, columns, dw + (i - begin) * panel<T>, add);
    });
}

// Wᵀ in panels, (width, inner), from W (inner, width): part `part` of `parts`. Columns beyond `inner` become zero.
template <typename T>
inline void transpose(Matrix<const T> w, Matrix<T> transposed, Index inner, Index width, int part, int parts) {
    const Index squares = ceiling(width, lanes<T>);
    const Range mine = share(ceiling(inner, lanes<T>) * squares, part, parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index row = unit / squares * lanes<T>, column = unit % squares * lanes<T>;
        transpose_square<T, panel<T>, panel<T>>(
            w.at(column / panel<T>, row) + column % panel<T>, inner - row,
            transposed.at(row / panel<T>, column) + row % panel<T>, width - column);
    }
}

}  // namespace pellucid::PELLUCID_ISA
