// Arrays that come from Python, checked: by the buffer protocol, since it takes any strides and read-only arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core.hpp"

namespace pellucid {

namespace nb = nanobind;

// A view of an array, held as long as the object lives. The core writes only to arrays that were asked for writable.
class Buffer {
public:
    // `name` is for messages, and lives as long as the program.
    Buffer(nb::handle array, const char* name, bool writable = false) : name_(name) {
        const int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(array.ptr(), &view_, flags) != 0) throw nb::python_error();
        if (!find_kind()) {
            PyBuffer_Release(&view_);
            throw nb::type_error((std::string(name_) + " has a type the native engine does not read").c_str());
        }
    }
    ~Buffer() { PyBuffer_Release(&view_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    Kind kind() const { return kind_; }
    Index dimensions() const { return view_.ndim; }
    Index size(int dimension) const { return view_.shape[dimension]; }
    Index step(int dimension) const { return view_.strides[dimension]; }
    char* data() const { return static_cast<char*>(view_.buf); }
    bool is_read_only() const { return view_.readonly != 0; }

    // Whether the two have a byte in common, as far as their first and last bytes tell.
    bool overlaps(const Buffer& other) const {
        const auto [begin, end] = extent();
        const auto [other_begin, other_end] = other.extent();
        return begin < end && other_begin < other_end && begin < other_end && other_begin < end;
    }

    // A contiguous vector of `count` numbers of one type. The compiler counts on addresses that suit the type.
    template <typename T> T* vector(Kind kind, Index count) const {
        if (kind_ != kind || view_.ndim != 1 || size(0) != count || (count > 1 && step(0) != view_.itemsize) ||
            (count > 0 && reinterpret_cast<std::uintptr_t>(view_.buf) % alignof(T) != 0))
            throw nb::value_error((std::string(name_) + " must be a contiguous vector of " + std::to_string(count) +
                                   " aligned numbers of the engine's type").c_str());
        return reinterpret_cast<T*>(view_.buf);
    }

    // A matrix with `columns` columns, any strides.
    Source matrix(Index columns) const {
        if (view_.ndim != 2 || size(1) != columns || size(0) > Index{0xFFFFFFFF})
            throw nb::value_error((std::string(name_) + " must be a matrix with " + std::to_string(columns) +
                                   " columns and fewer than 2**32 rows").c_str());
        return {data(), kind_, size(0), size(1), step(0), step(1)};
    }

private:
    std::pair<const char*, const char*> extent() const {
        const char *begin = data(), *end = begin + view_.itemsize;
        for (int d = 0; d < view_.ndim; ++d) {
            if (size(d) == 0) return {begin, begin};
            (step(d) < 0 ? begin : end) += (size(d) - 1) * step(d);
        }
        return {begin, end};
    }

    bool find_kind() {
        const char* format = view_.format ? view_.format : "B";
        if (*format == '@' || *format == '=' || (*format == '<' && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)) ++format;
        if (format[0] == '\0' || format[1] != '\0') return false;
        if (*format == 'f' && view_.itemsize == 4) return kind_ = Kind::float32, true;
        if (*format == 'd' && view_.itemsize == 8) return kind_ = Kind::float64, true;
        const bool is_signed = std::strchr("bhilq", *format) != nullptr;
        if (!is_signed && !std::strchr("?BHILQ", *format)) return false;
        switch (view_.itemsize) {
            case 1: return kind_ = is_signed ? Kind::int8 : Kind::uint8, true;
            case 2: return kind_ = is_signed ? Kind::int16 : Kind::uint16, true;
            case 4: return kind_ = is_signed ? Kind::int32 : Kind::uint32, true;
            case 8: return kind_ = is_signed ? Kind::int64 : Kind::uint64, true;
            default: return false;
        }
    }

    Py_buffer view_{};
    const char* name_;
    Kind kind_{};
};

inline std::unique_ptr<Buffer> maybe(nb::handle array, const char* name, bool writable = false) {
    return array.is_none() ? nullptr : std::make_unique<Buffer>(array, name, writable);
}

using Buffers = std::vector<const Buffer*>;  // null: none

// What is written must share no memory with anything else of the call.
inline void check_apart(const Buffers& written, const Buffers& read) {
    const auto check = [](const Buffer* one, const Buffer* other, const char* message) {
        if (one && other && one->overlaps(*other)) throw nb::value_error(message);
    };
    for (std::size_t i = 0; i < written.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            check(written[i], written[j], "arrays that are written must not share memory");
        for (const Buffer* other : read)
            check(written[i], other, "arrays that are written must not share memory with others");
    }
}

}  // namespace pellucid
