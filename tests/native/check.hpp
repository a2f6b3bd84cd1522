// What the core's tests share: a place for failures, numbers to try, and matrices in panels.
//
// Contract. Like the core itself, all of it is compiled once for each instruction set, in a namespace of its own, and
// uses no templates of the standard library: the linker would keep one copy of each, for whichever machine.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "gemm.hpp"

namespace pellucid::PELLUCID_ISA {

inline int failures = 0;

inline void expect(bool condition, const char* what, double a = 0.0, double b = 0.0) {
    if (condition) return;
    if (failures < 20) std::printf("failed: %s (%.17g, %.17g)\n", what, a, b);
    ++failures;
}

// Numbers from −1 to 1, always the same ones.
inline double uniform() {
    static std::uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 11) * 0x1p-53 * 2.0 - 1.0;
}

// `count` numbers, zeros at first.
template <typename T> class List {
public:
    explicit List(Index count)
        : count_(count), numbers_(static_cast<T*>(std::calloc(static_cast<std::size_t>(count) + 1, sizeof(T)))) {
        if (!numbers_) std::abort();
    }
    List(List&& other) : count_(other.count_), numbers_(other.numbers_) { other.numbers_ = nullptr; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() { std::free(numbers_); }

    Index size() const { return count_; }
    T* data() { return numbers_; }
    T& operator[](Index i) { return numbers_[i]; }
    bool same_bits(const List& other) const {
        return count_ == other.count_ &&
               __builtin_memcmp(numbers_, other.numbers_, static_cast<std::size_t>(count_) * sizeof(T)) == 0;
    }

private:
    Index count_;
    T* numbers_;
};

// A matrix (rows, columns) in panels; its padding is zero.
template <typename T> struct Panels {
    Panels(Index row_count, Index column_count)
        : rows(row_count), columns(column_count), numbers(ceiling(column_count, panel<T>) * row_count * panel<T>) {}
    Matrix<T> matrix() { return {numbers.data(), rows * panel<T>}; }
    Matrix<const T> readable() { return {numbers.data(), rows * panel<T>}; }
    T& operator()(Index i, Index j) { return matrix().at(j / panel<T>, i)[j % panel<T>]; }
    double number(Index i, Index j) { return static_cast<double>((*this)(i, j)); }
    void fill() {
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < columns; ++j) (*this)(i, j) = static_cast<T>(uniform());
    }
    // As padding of activations may be.
    void poison_padding() {
        for (Index i = 0; i < rows; ++i)
            for (Index j = columns; j < ceiling(columns, panel<T>) * panel<T>; ++j)
                (*this)(i, j) = static_cast<T>(__builtin_nan(""));
    }
    Index rows, columns;
    List<T> numbers;
};

}  // namespace pellucid::PELLUCID_ISA
