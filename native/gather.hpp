// Rows of the caller's own array, brought into panels: by index, from any type and strides, scaled on the way.
//
// Contract. Scaling happens in double, before the number takes the type of computation, as in the reference engine.
// Padding columns are left as they are.
#pragma once

#include "core.hpp"
#include "gemm.hpp"

namespace pellucid::PELLUCID_ISA {

// z = (x − mean)·scale + offset for each column, y = z/√(1 + (z/limit)²); limit 0: y = z; mean null: y = x. `shift` is
// offset − mean·scale, for whole numbers of at most 16 bits: their means are small, and in double the shorter form is
// exact enough for a result in float.
struct Scaling {
    const double *mean, *scale, *offset, *shift;
    double limit;
};

template <typename S> inline S load_number(const char* from) {
    S number;
    __builtin_memcpy(&number, from, sizeof number);
    return number;
}

template <typename T, typename S, bool adjacent>
inline void convert(const char* from, Index step, T* to, Index count, Index column, const Scaling& scaling) {
    const Index width = adjacent ? static_cast<Index>(sizeof(S)) : step;
    if (!scaling.mean) {
        for (Index j = 0; j < count; ++j) to[j] = static_cast<T>(load_number<S>(from + j * width));
        return;
    }
    const double *mean = scaling.mean + column, *scale = scaling.scale + column, *offset = scaling.offset + column,
                 *shift = scaling.shift + column;
    const auto scaled = [&](Index j) __attribute__((always_inline)) {
        const double x = static_cast<double>(load_number<S>(from + j * width));
        if constexpr (sizeof(T) == 4 && sizeof(S) <= 2) return x * scale[j] + shift[j];
        else return (x - mean[j]) * scale[j] + offset[j];
    };
    if (scaling.limit == 0.0) {
        for (Index j = 0; j < count; ++j) to[j] = static_cast<T>(scaled(j));
        return;
    }
    for (Index j = 0; j < count; ++j) {
        const double z = scaled(j), ratio = z / scaling.limit;
        to[j] = static_cast<T>(z / __builtin_sqrt(1.0 + ratio * ratio));
    }
}

template <typename T, typename S, bool adjacent>
inline void gather_row(const char* from, Index step, Matrix<T> to, Index row, Index columns, const Scaling& scaling) {
    Index column = 0;
    for (; column + panel<T> <= columns; column += panel<T>)  // a constant count: the compiler uses vectors
        convert<T, S, adjacent>(from + column * step, step, to.at(column / panel<T>, row), panel<T>, column, scaling);
    if (column < columns)
        convert<T, S, adjacent>(from + column * step, step, to.at(column / panel<T>, row), columns - column, column,
                                scaling);
}

// Rows [begin, end) of a piece whose first row is row `first` of the order (null: as they lie).
struct Piece {
    const std::uint32_t* order;
    Index first, begin, end;
};

// Each row of the source becomes a row of the matrix for each of its positions.
template <typename T, typename S>
inline void gather_rows(const Source& source, const Piece& piece, Matrix<T> to, Index positions,
                        const Scaling& scaling) {
    const auto place = [&](Index i) {
        return source.data + (piece.order ? static_cast<Index>(piece.order[i]) : i) * source.row_step;
    };
    const bool adjacent = source.column_step == static_cast<Index>(sizeof(S));
    const Index columns = source.columns / positions;
    for (Index row = piece.begin; row < piece.end; ++row) {
        const char* from = place(piece.first + row);
        for (Index p = 0; p < positions; ++p, from += columns * source.column_step) {
            if (adjacent) gather_row<T, S, true>(from, source.column_step, to, row * positions + p, columns, scaling);
            else gather_row<T, S, false>(from, source.column_step, to, row * positions + p, columns, scaling);
        }
    }
}

template <typename T>
inline void gather(const Source& source, const Piece& piece, Matrix<T> to, Index positions, const Scaling& scaling) {
    switch (source.kind) {
        case Kind::int8: return gather_rows<T, std::int8_t>(source, piece, to, positions, scaling);
        case Kind::uint8: return gather_rows<T, std::uint8_t>(source, piece, to, positions, scaling);
        case Kind::int16: return gather_rows<T, std::int16_t>(source, piece, to, positions, scaling);
        case Kind::uint16: return gather_rows<T, std::uint16_t>(source, piece, to, positions, scaling);
        case Kind::int32: return gather_rows<T, std::int32_t>(source, piece, to, positions, scaling);
        case Kind::uint32: return gather_rows<T, std::uint32_t>(source, piece, to, positions, scaling);
        case Kind::int64: return gather_rows<T, std::int64_t>(source, piece, to, positions, scaling);
        case Kind::uint64: return gather_rows<T, std::uint64_t>(source, piece, to, positions, scaling);
        case Kind::float32: return gather_rows<T, float>(source, piece, to, positions, scaling);
        case Kind::float64: return gather_rows<T, double>(source, piece, to, positions, scaling);
    }
}

}  // namespace pellucid::PELLUCID_ISA
