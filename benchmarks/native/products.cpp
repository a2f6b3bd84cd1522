// The core's products, in the layout in which it keeps its matrices, shared out over its own team of threads.
//
// Compiled once for each instruction set, as core.cpp is. Each product ends with a meeting of the team, as each layer
// does; the input gradient begins with laying out Wᵀ, as the dense layer does in every step.

#include "products.hpp"

#include <cstdlib>

#include "gemm.hpp"
#include "threads.hpp"

namespace pellucid::PELLUCID_ISA {

namespace {

// A matrix in zeroed panels, `stride` apart.
class Panels {
public:
    Panels(Index rows, Index columns, Index stride_rows)
        : rows_(rows), columns_(columns), stride_(stride_rows * panel<float>),
          numbers_(static_cast<float*>(std::aligned_alloc(64, bytes()))) {
        if (!numbers_) std::abort();
        __builtin_memset(numbers_, 0, bytes());
    }
    ~Panels() { std::free(numbers_); }
    Panels(const Panels&) = delete;
    Panels& operator=(const Panels&) = delete;

    Matrix<float> matrix() const { return {numbers_, stride_}; }
    Matrix<const float> readable() const { return {numbers_, stride_}; }

    void fill(int which) {
        for (Index i = 0; i < rows_; ++i)
            for (Index j = 0; j < columns_; ++j) *element(i, j) = operand(which, i, j);
    }
    double length() const {
        double sum = 0.0;
        for (Index i = 0; i < rows_; ++i)
            for (Index j = 0; j < columns_; ++j) {
                const double number = static_cast<double>(*element(i, j));
                sum += number * number;
            }
        return __builtin_sqrt(sum);
    }

private:
    float* element(Index i, Index j) const { return matrix().at(j / panel<float>, i) + j % panel<float>; }
    std::size_t bytes() const {
        const Index count = ceiling(columns_, panel<float>) * stride_ * static_cast<Index>(sizeof(float));
        return static_cast<std::size_t>(ceiling(larger_of(count, 1), 64) * 64);
    }

    Index rows_, columns_, stride_;
    float* numbers_;
};

struct Operands {
    explicit Operands(const Shape& of)
        : shape(of), x(of.rows, of.inputs, of.rows | 1), w(of.inputs, of.outputs, of.inputs + 1),
          transposed(of.outputs, of.inputs, of.outputs), dy(of.rows, of.outputs, of.rows | 1),
          result(of.result_rows(), of.result_columns(), of.result_rows() | 1) {
        x.fill(0), w.fill(1), dy.fill(2);
    }

    Shape shape;
    Panels x, w, transposed, dy, result;  // a panel of the weight is followed by its bias
};

// As dense_backward shares it out.
void weight_gradient(const Operands& of, int part, int parts) {
    const Shape& shape = of.shape;
    const Index panels = ceiling(shape.outputs, panel<float>);
    const bool few = parts > 1 && panels * ceiling(shape.inputs, panel<float>) < 16 * parts;
    const Index height = few ? lanes<float> : panel<float>, blocks = ceiling(shape.inputs, height);
    const Range mine = share_tiles<float>(shape.outputs, blocks, part, parts);
    for (Index unit = mine.begin; unit < mine.end; ++unit) {
        const Index column = unit / blocks, row = unit % blocks * height;
        gradient_block<float>(of.x.matrix().at(row / panel<float>, 0) + row % panel<float>,
                              of.dy.matrix().at(column, 0), of.result.matrix().at(column, row),
                              smaller_of(shape.inputs - row, height), shape.rows,
                              is_narrow<float>(shape.outputs, column), false);
    }
}

void compute(const Operands& of, Team* team, int part, int parts) {
    const Shape& shape = of.shape;
    switch (shape.pass) {
        case Pass::scores:
            product<float>(of.x.readable(), of.w.readable(), nullptr, of.result.matrix(), shape.rows, shape.outputs,
                           shape.inputs, part, parts);
            break;
        case Pass::weight_gradient:
            weight_gradient(of, part, parts);
            break;
        case Pass::input_gradient:
            transpose<float>(of.w.readable(), of.transposed.matrix(), shape.inputs, shape.outputs, part, parts);
            meet(team, part);
            product<float>(of.dy.readable(), of.transposed.readable(), nullptr, of.result.matrix(), shape.rows,
                           shape.inputs, shape.outputs, part, parts);
            break;
    }
    meet(team, part);
}

struct Repeated {
    const Operands* operands;
    Index repeats;
    double seconds;
};

void repeat(void* context, Team* team, int part, int parts) {
    const FlushDenormals flush;
    Repeated& job = *static_cast<Repeated*>(context);
    // As often as is measured: a part that was just woken may lie on the processor of another until the system sees it.
    for (Index i = 0; i < job.repeats; ++i) compute(*job.operands, team, part, parts);
    const double began = now();
    for (Index i = 0; i < job.repeats; ++i) compute(*job.operands, team, part, parts);
    if (part == 0) job.seconds = now() - began;
}

}  // namespace

Timing time_product(const Shape& shape, Index repeats, int threads) {
    const Operands operands(shape);
    Repeated job{&operands, repeats, 0.0};
    run_in_team(threads, repeat, &job);
    return {job.seconds / static_cast<double>(repeats), operands.result.length()};
}

}  // namespace pellucid::PELLUCID_ISA
