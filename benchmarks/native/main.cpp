// Times matrix products, the core's own or those of a library that offers cblas_sgemm.
//
//     core_products THREADS                      the core's
//     core_products THREADS LIBRARY SYMBOL BITS  those of a shared library, whose integers have 32 or 64 bits; how many
//                                                threads it takes is said in its own environment variable
//
// Reads lines "PASS ROWS INPUTS OUTPUTS SECONDS", where PASS is scores, weight_gradient or input_gradient, repeats
// that product for about so long, and answers {"seconds": of one, "length": of the result}.

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "cores.hpp"
#include "products.hpp"
#include "threads.hpp"

namespace pellucid {

#if defined(PELLUCID_X86)
namespace v2 {
Timing time_product(const Shape& shape, Index repeats, int threads);
}
namespace v3 {
Timing time_product(const Shape& shape, Index repeats, int threads);
}
namespace v4 {
Timing time_product(const Shape& shape, Index repeats, int threads);
}
static const TimeProduct ours = best_of(v2::time_product, v3::time_product, v4::time_product);
#else
namespace generic {
Timing time_product(const Shape& shape, Index repeats, int threads);
}
static const TimeProduct ours = generic::time_product;
#endif

namespace {

// cblas_sgemm: order and transpositions are enumerations, 101 row-major, 111 as it is, 112 transposed.
template <typename Integer>
using Sgemm = void (*)(int, int, int, Integer, Integer, Integer, float, const float*, Integer, const float*, Integer,
                       float, float*, Integer);

void* symbol = nullptr;

struct Free {
    void operator()(float* numbers) const { std::free(numbers); }
};

std::unique_ptr<float, Free> plain_matrix(Index rows, Index columns, int which) {
    const std::size_t bytes = (static_cast<std::size_t>(rows * columns) * sizeof(float) + 63) / 64 * 64;
    std::unique_ptr<float, Free> matrix(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (!matrix) throw std::bad_alloc();
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns; ++j) matrix.get()[i * columns + j] = operand(which, i, j);
    return matrix;
}

// Matrices row by row, as NumPy and PyTorch keep them.
template <typename Integer> Timing time_library(const Shape& shape, Index repeats, int) {
    const auto x = plain_matrix(shape.rows, shape.inputs, 0), w = plain_matrix(shape.inputs, shape.outputs, 1);
    const auto dy = plain_matrix(shape.rows, shape.outputs, 2);
    const Index m = shape.result_rows(), n = shape.result_columns();
    const auto result = plain_matrix(m, n, 3);
    const Index k = shape.pass == Pass::scores ? shape.inputs
                    : shape.pass == Pass::weight_gradient ? shape.rows : shape.outputs;
    const float* left = shape.reads_examples() ? x.get() : dy.get();
    const float* right = shape.reads_weight() ? w.get() : dy.get();
    const Index left_step = shape.reads_examples() ? shape.inputs : shape.outputs;
    const int left_transposed = shape.pass == Pass::weight_gradient ? 112 : 111;
    const int right_transposed = shape.pass == Pass::input_gradient ? 112 : 111;
    const auto sgemm = reinterpret_cast<Sgemm<Integer>>(symbol);
    const auto multiply = [&] {
        sgemm(101, left_transposed, right_transposed, static_cast<Integer>(m), static_cast<Integer>(n),
              static_cast<Integer>(k), 1.0f, left, static_cast<Integer>(left_step), right,
              static_cast<Integer>(shape.outputs), 0.0f, result.get(), static_cast<Integer>(n));
    };
    for (Index i = 0; i < repeats; ++i) multiply();  // as often as is measured: see products.cpp
    const double began = now();
    for (Index i = 0; i < repeats; ++i) multiply();
    const double seconds = (now() - began) / static_cast<double>(repeats);
    double sum = 0.0;
    for (Index i = 0; i < m * n; ++i) {
        const double number = static_cast<double>(result.get()[i]);
        sum += number * number;
    }
    return {seconds, std::sqrt(sum)};
}

bool read_shape(const char* line, Shape& shape, double& seconds) {
    static const struct {
        const char* name;
        Pass pass;
    } passes[] = {{"scores", Pass::scores},
                 {"weight_gradient", Pass::weight_gradient},
                 {"input_gradient", Pass::input_gradient}};
    char name[32];
    if (std::sscanf(line, "%31s %td %td %td %lf", name, &shape.rows, &shape.inputs, &shape.outputs, &seconds) != 5)
        return false;
    const Index most = Index{1} << 14;
    for (Index size : {shape.rows, shape.inputs, shape.outputs})
        if (size < 1 || size > most) return false;
    for (const auto& row : passes)
        if (std::strcmp(row.name, name) == 0) return shape.pass = row.pass, true;
    return false;
}

// As many repetitions as fit the time, by the fastest of three tries.
Timing measure(TimeProduct time_product, const Shape& shape, double seconds, int threads) {
    double one = time_product(shape, 1, threads).seconds;
    for (Index few : {2, 8}) {
        const double again = time_product(shape, few, threads).seconds;
        one = again < one ? again : one;
    }
    const double repeats = seconds / (one > 1e-8 ? one : 1e-8);
    return time_product(shape, repeats > 1.0 ? static_cast<Index>(repeats) : 1, threads);
}

int fail(const char* message, const char* detail) {
    std::fprintf(stderr, "core_products: %s: %s\n", message, detail);
    return 1;
}

}  // namespace

}  // namespace pellucid

int main(int count, char** words) {
    using namespace pellucid;
    if (count != 2 && count != 5) return fail("usage", "core_products THREADS [LIBRARY SYMBOL BITS]");
    const int threads = std::atoi(words[1]);
    if (threads < 1) return fail("this is no number of threads", words[1]);
    TimeProduct time_product = ours;
    if (count == 5) {
        void* library = dlopen(words[2], RTLD_NOW | RTLD_GLOBAL);
        if (!library) return fail("the library cannot be opened", dlerror());
        symbol = dlsym(library, words[3]);
        if (!symbol) return fail("the library lacks", words[3]);
        time_product = std::strcmp(words[4], "64") == 0 ? time_library<std::int64_t> : time_library<std::int32_t>;
    }
    std::printf("{\"ready\": 1}\n");
    std::fflush(stdout);
    for (char line[128]; std::fgets(line, sizeof line, stdin);) {
        Shape shape{};
        double seconds = 0.0;
        if (!read_shape(line, shape, seconds)) return fail("this is no product", line);
        const Timing timing = measure(time_product, shape, seconds, threads);
        std::printf("{\"seconds\": %.9g, \"length\": %.9g}\n", timing.seconds, timing.length);
        std::fflush(stdout);
    }
    return 0;
}
