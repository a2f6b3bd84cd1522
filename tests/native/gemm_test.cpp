// The matrix products and transpositions, against plain loops; and that the shares of the threads are whole.

#include <cmath>

#include "check.hpp"

namespace pellucid::PELLUCID_ISA {

namespace {

template <typename T> constexpr double epsilon = sizeof(T) == 4 ? 1e-7 : 1e-16;

template <typename T> void test_products(Index rows, Index inner, Index width) {
    const double tolerance = static_cast<double>(inner + rows + 4) * epsilon<T>;
    Panels<T> x(rows, inner), w(inner, width), y(rows, width), bias(1, width), dw(inner, width);
    Panels<T> transposed(width, inner);
    x.fill(), w.fill(), bias.fill();
    x.poison_padding();
    // The bias is found w.stride after that of the panel before: here in a copy laid out like that.
    List<T> spread(w.numbers.size() + panel<T>);
    for (Index j = 0; j < width; ++j) spread[j / panel<T> * w.matrix().stride + j % panel<T>] = bias(0, j);
    for (int part = 0; part < 3; ++part)
        product<T>(x.readable(), w.readable(), spread.data(), y.matrix(), rows, width, inner, part, 3);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < width; ++j) {
            double sum = bias.number(0, j);
            for (Index k = 0; k < inner; ++k) sum += x.number(i, k) * w.number(k, j);
            expect(std::abs(sum - y.number(i, j)) <= tolerance, "product", sum, y.number(i, j));
        }
    for (int part = 0; part < 2; ++part) transpose<T>(w.readable(), transposed.matrix(), inner, width, part, 2);
    for (Index k = 0; k < inner; ++k)
        for (Index j = 0; j < width; ++j) expect(transposed(j, k) == w(k, j), "transpose");
    for (Index column = 0; column * panel<T> < width; ++column)
        for (Index row = 0; row < inner; row += panel<T>)
            gradient_block<T>(x.matrix().at(row / panel<T>, 0), y.matrix().at(column, 0), dw.matrix().at(column, row),
                              smaller_of(inner - row, panel<T>), rows, is_narrow<T>(width, column), false);
    for (Index k = 0; k < inner; ++k)
        for (Index j = 0; j < width; ++j) {
            double sum = 0.0, size = 0.0;
            for (Index i = 0; i < rows; ++i) {
                sum += x.number(i, k) * y.number(i, j);
                size += std::abs(y.number(i, j));
            }
            const double ours = dw.number(k, j);
            expect(std::abs(sum - ours) <= tolerance * (1.0 + size), "weight gradient", sum, ours);
        }
}

// Every unit is one part's, and no part has more than a unit above what is even.
template <typename T> void test_shares() {
    for (Index width = 1; width <= 5 * panel<T>; ++width)
        for (Index tiles : {1, 2, 3, 5, 8, 13})
            for (int parts = 1; parts <= 9; ++parts) {
                const Index panels = ceiling(width, panel<T>);
                const auto work_of = [&](Index unit) { return is_narrow<T>(width, unit / tiles) ? 1 : 2; };
                Index next = 0, all = 0;
                for (Index unit = 0; unit < panels * tiles; ++unit) all += work_of(unit);
                for (int part = 0; part < parts; ++part) {
                    const Range mine = share_tiles<T>(width, tiles, part, parts);
                    expect(mine.begin == next && mine.end >= mine.begin, "shares follow each other");
                    Index work = 0;
                    for (Index unit = mine.begin; unit < mine.end; ++unit) work += work_of(unit);
                    expect(std::abs(static_cast<double>(work) - static_cast<double>(all) / parts) <= 2.0,
                           "shares are even", static_cast<double>(work), static_cast<double>(all) / parts);
                    next = mine.end;
                }
                expect(next == panels * tiles, "shares are all there is");
            }
}

template <typename T, int count> void test_sums_of_lanes() {
    Vector<T> part[count];
    for (Vector<T>& row : part)
        for (Index lane = 0; lane < lanes<T>; ++lane) row[lane] = static_cast<T>(uniform());
    const Vector<T> sums = sums_of_lanes<T, count>(part);
    for (Index r = 0; r < lanes<T>; ++r) {
        double expected = 0.0;
        for (Index lane = 0; r < count && lane < lanes<T>; ++lane)
            expected += static_cast<double>(part[r < count ? r : 0][lane]);
        expect(std::abs(expected - static_cast<double>(sums[r])) <= 32.0 * epsilon<T>, "sums of lanes", expected,
               static_cast<double>(sums[r]));
    }
    if constexpr (count > 1) test_sums_of_lanes<T, count - 1>();
}

// dW = X dYᵀ, X (inputs, columns), dY (outputs, columns); and the same bits whoever computes which rows.
template <typename T> void test_transposed_gradient(Index inputs, Index outputs, Index columns) {
    Panels<T> x(inputs, columns), dy(outputs, columns), whole(inputs, lanes<T>), parts(inputs, lanes<T>);
    x.fill(), dy.fill();
    x.poison_padding(), dy.poison_padding();
    for (bool add : {false, true}) {
        transposed_gradient<T>(x.readable(), dy.readable(), whole.numbers.data(), 0, inputs, outputs, columns, add);
        for (Index part = 0; part < 3; ++part) {
            const Range mine = share(inputs, part, 3);
            transposed_gradient<T>(x.readable(), dy.readable(), parts.numbers.data() + mine.begin * panel<T>,
                                   mine.begin, mine.end, outputs, columns, add);
        }
        expect(whole.numbers.same_bits(parts.numbers), "a transposed gradient in parts");
        const double times = add ? 2.0 : 1.0;
        for (Index i = 0; i < inputs; ++i)
            for (Index j = 0; j < panel<T>; ++j) {
                double sum = 0.0;
                for (Index c = 0; j < outputs && c < columns; ++c) sum += x.number(i, c) * dy.number(j, c);
                const double tolerance = static_cast<double>(columns + 8) * times * epsilon<T>;
                const double ours = whole.number(i, j);
                expect(j < outputs ? std::abs(times * sum - ours) <= tolerance : ours == 0.0, "transposed gradient",
                       times * sum, ours);
            }
    }
}

template <typename T> void test_transposed() {
    test_sums_of_lanes<T, static_cast<int>(lanes<T>)>();
    for (Index outputs = 1; outputs <= lanes<T>; ++outputs)
        for (Index inputs : {Index{1}, Index{2}, Index{3}, lanes<T>, panel<T> + 1})
            for (Index vectors = 1; vectors <= 5; ++vectors)
                test_transposed_gradient<T>(inputs, outputs, vectors * lanes<T>);
}

}  // namespace

void test_gemm() {
    for (Index rows : {1, 2, 13, 14, 15, 33})
        for (Index inner : {1, 5, 32, 70, 600})
            for (Index width : {1, 7, 16, 17, 33, 70}) {
                test_products<float>(rows, inner, width);
                test_products<double>(rows, inner, width);
            }
    test_shares<float>();
    test_shares<double>();
    test_transposed<float>();
    test_transposed<double>();
}

}  // namespace pellucid::PELLUCID_ISA
