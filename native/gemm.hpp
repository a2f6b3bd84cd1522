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

// Calls f with the constant R = count, for counts 1 … largest.
template <int largest, typename F> [[gnu::always_inline]] inline void with_constant(int count, F&& f) {
    if constexpr (largest > 1) {
        if (count < largest) return with_constant<largest - 1>(count, f);
    }
    f(std::integral_constant<int, largest>{});
}

// Y = X W + b for the panels [columns.begin, columns.end) and the rows [rows.begin, rows.end) of Y. `width` is the
// number of columns of Y, `inner` of X. `bias` points at the first panel's bias, the next ones are w.stride further.
template <typename T>
inline void product(Matrix<const T> x, Matrix<const T> w, const T* bias, Matrix<T> y, Range rows, Range columns,
                    Index width, Index inner) {
    const Index count = rows.end - rows.begin;
    if (count <= 0) return;
    const Index tiles = ceiling(count, tile_rows);
    const Index blocks = larger_of(1, ceiling(inner, block_length<T>));
    for (Index block = 0; block < blocks; ++block) {
        const Range part = share(inner, block, blocks);
        for (Index column = columns.begin; column < columns.end; ++column) {
            const bool narrow = width - column * panel<T> <= lanes<T>;  // the second half of the panel is padding
            for (Index tile = 0; tile < tiles; ++tile) {
                const Range of = share(count, tile, tiles);
                with_constant<tile_rows>(static_cast<int>(of.end - of.begin), [&](auto height) {
                    if (narrow)
                        product_tile<T, height(), 1>(x, w, bias ? bias + column * w.stride : nullptr, y,
                                                     rows.begin + of.begin, column, part.begin, part.end);
                    else
                        product_tile<T, height(), 2>(x, w, bias ? bias + column * w.stride : nullptr, y,
                                                     rows.begin + of.begin, column, part.begin, part.end);
                });
            }
        }
    }
}

}  // namespace pellucid::PELLUCID_ISA
