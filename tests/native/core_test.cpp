// The core by itself, without Python: for sanitizers, and for processors that only an emulator runs.
//
// Compiled once for each instruction set, as core.cpp is. Checks the products against plain loops, the functions
// against the C library, the random words against Random123's known answers, the sorting against itself, and that a
// training run gives the same bits for every number of threads. Prints what failed; the exit code is the number of
// failures, at most 100.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "train.hpp"

namespace pellucid::PELLUCID_ISA {
extern const Core core;

namespace {

int failures = 0;

void expect(bool condition, const char* what, double a = 0.0, double b = 0.0) {
    if (condition) return;
    std::printf("failed: %s (%.17g, %.17g)\n", what, a, b);
    ++failures;
}

double uniform() {
    static std::uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 11) * 0x1p-53 * 2.0 - 1.0;
}

template <typename T> struct Panels {
    Panels(Index row_count, Index column_count)
        : rows(row_count), columns(column_count),
          numbers(static_cast<std::size_t>(ceiling(column_count, panel<T>) * row_count * panel<T>)) {}
    Matrix<T> matrix() { return {numbers.data(), rows * panel<T>}; }
    T& operator()(Index i, Index j) { return matrix().at(j / panel<T>, i)[j % panel<T>]; }
    void fill() {
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < columns; ++j) (*this)(i, j) = static_cast<T>(uniform());
    }
    Index rows, columns;
    std::vector<T> numbers;
};

template <typename T> void test_products(Index rows, Index inner, Index width) {
    const double tolerance = static_cast<double>(inner + rows + 4) * (sizeof(T) == 4 ? 1e-7 : 1e-16);
    Panels<T> x(rows, inner), w(inner, width), y(rows, width), bias(1, width), turned(width, inner), dw(inner, width);
    x.fill(), w.fill(), bias.fill();
    // The bias is found w.stride after that of the panel before: here in a copy laid out like that.
    std::vector<T> spread(w.numbers.size() + static_cast<std::size_t>(panel<T>));
    for (Index j = 0; j < width; ++j)
        spread[static_cast<std::size_t>(j / panel<T> * w.matrix().stride + j % panel<T>)] = bias(0, j);
    for (int part = 0; part < 3; ++part)
        product<T>(readable(x.matrix()), readable(w.matrix()), spread.data(), y.matrix(), rows, width, inner, part, 3);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < width; ++j) {
            double sum = static_cast<double>(bias(0, j));
            for (Index k = 0; k < inner; ++k) sum += static_cast<double>(x(i, k)) * static_cast<double>(w(k, j));
            expect(std::abs(sum - static_cast<double>(y(i, j))) <= tolerance, "product", sum, static_cast<double>(y(i, j)));
        }
    for (int part = 0; part < 2; ++part) transpose<T>(readable(w.matrix()), turned.matrix(), inner, width, part, 2);
    for (Index k = 0; k < inner; ++k)
        for (Index j = 0; j < width; ++j) expect(turned(j, k) == w(k, j), "transpose");
    for (Index column = 0; column * panel<T> < width; ++column)
        for (Index row = 0; row < inner; row += panel<T>)
            gradient_block<T>(x.matrix().at(row / panel<T>, 0), y.matrix().at(column, 0), dw.matrix().at(column, row),
                              smaller_of(inner - row, panel<T>), rows, is_narrow<T>(width, column), false);
    for (Index k = 0; k < inner; ++k)
        for (Index j = 0; j < width; ++j) {
            double sum = 0.0, size = 0.0;
            for (Index i = 0; i < rows; ++i) {
                sum += static_cast<double>(x(i, k)) * static_cast<double>(y(i, j));
                size += std::abs(static_cast<double>(y(i, j)));
            }
            expect(std::abs(sum - static_cast<double>(dw(k, j))) <= tolerance * (1.0 + size), "weight gradient", sum,
                   static_cast<double>(dw(k, j)));
        }
}

template <typename T, typename F, typename G>
void test_function(const char* name, F ours, G theirs, double low, double high) {
    const double tolerance = sizeof(T) == 4 ? 2.5e-7 : 5e-16;
    for (int i = 0; i <= 20000; ++i) {
        const T x = static_cast<T>(low + (high - low) * i / 20000.0);
        const double value = static_cast<double>(ours(broadcast<T>(x))[lanes<T> - 1]);
        const double expected = theirs(static_cast<double>(x));
        expect(std::abs(value - expected) <= tolerance * std::abs(expected), name, value, expected);
    }
}

template <typename T> void test_functions() {
    test_function<T>("exp", exponential<T>, [](double x) { return std::exp(x); }, -87.0, 88.0);
    test_function<T>("sigmoid", logistic<T>, [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, -80.0, 80.0);
    test_function<T>("tanh", hyperbolic_tangent<T>, [](double x) { return std::tanh(x); }, -12.0, 12.0);
    test_function<T>("tanh", hyperbolic_tangent<T>, [](double x) { return std::tanh(x); }, -1e-3, 1e-3);
    test_function<T>("log", logarithm<T>, [](double x) { return std::log(x); }, 1e-6, 30.0);
    test_function<T>("log1p", log_one_plus<T>, [](double x) { return std::log1p(x); }, 0.0, 1.0);
    test_function<T>("expm1", exponential_minus_one<T>, [](double x) { return std::expm1(x); }, -50.0, 0.0);
    test_function<T>("expm1", exponential_minus_one<T>, [](double x) { return std::expm1(x); }, -1e-3, 0.0);
    test_function<T>("softplus", softplus<T>, [](double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); },
                     -15.0, 30.0);
    // Absolute, in the last places of 1: the tail of the exponential is less precise than that of its argument.
    const double tolerance = sizeof(T) == 4 ? 2e-7 : 4e-16;
    for (int i = 0; i <= 20000; ++i) {
        const T z = static_cast<T>(-12.0 + 24.0 * i / 20000.0), u = static_cast<T>(i / 20000.0);
        const double share = 0.5 * std::erfc(-static_cast<double>(z) * std::sqrt(0.5));
        const double density = std::exp(-0.5 * static_cast<double>(z) * static_cast<double>(z)) / std::sqrt(2.0 * M_PI);
        const Normal<T> normal = normal_distribution<T>(broadcast<T>(z));
        expect(std::abs(static_cast<double>(normal.share[0]) - share) <= tolerance, "Phi", static_cast<double>(z), share);
        expect(std::abs(static_cast<double>(normal.density[0]) - density) <= tolerance, "phi", static_cast<double>(z), density);
        const Direction<T> direction = direction_of<T>(broadcast<T>(u));
        const double angle = 2.0 * M_PI * static_cast<double>(u);
        expect(std::abs(static_cast<double>(direction.cosine[0]) - std::cos(angle)) <= 2.0 * tolerance, "cos", angle);
        expect(std::abs(static_cast<double>(direction.sine[0]) - std::sin(angle)) <= 2.0 * tolerance, "sin", angle);
    }
}

void test_random() {
    // Random123's known answers for philox4x32_10: counter and key 0.
    Blocks words[4];
    philox({0, Purpose::initialize, 0, 0}, 0, words);
    expect(words[0][0] == 0x6627e8d5u && words[1][0] == 0xe169c58du && words[2][0] == 0xbc57ac4cu &&
               words[3][0] == 0x9b00dbd8u, "philox");
    const Index count = 10007;
    std::vector<std::uint32_t> order(2 * count), keys(2 * count);
    std::vector<bool> seen(count);
    permutation({7, Purpose::shuffle, 0, 3}, count, order.data(), keys.data());
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        expect(!seen[order[i]], "permutation");
        seen[order[i]] = true;
        philox({7, Purpose::shuffle, 0, 3}, order[i] / 4, words);
        const std::uint64_t key = words[order[i] % 4][0] << 32 | order[i];
        expect(key >= last, "order of the permutation");
        last = key;
    }
}

template <typename T> std::vector<T> train_with(int threads, const Entries<T>& entries, double clip_norm) {
    const Index rows = 300, inputs = 37, hidden = 45, outputs = 5, parameters = (inputs + 1) * hidden + (hidden + 1) * outputs;
    LayerSpec layers[4]{};
    layers[0] = {core.find_layer("dense"), 0, inputs, hidden, {}, 2,
                 {{0, inputs, hidden, true}, {inputs * hidden, 1, hidden, false}}, 0, {}};
    layers[1] = {core.find_layer("tanh"), 1, hidden, hidden, {}, 0, {}, 0, {}};
    layers[2] = {core.find_layer("dropout"), 2, hidden, hidden, {858993459.0, 1.25}, 0, {}, 0, {}};
    const Index second = (inputs + 1) * hidden;
    layers[3] = {core.find_layer("dense"), 3, hidden, outputs, {}, 2,
                 {{second, hidden, outputs, true}, {second + hidden * outputs, 1, outputs, false}}, 0, {}};
    std::vector<double> zeros(inputs, 0.25), ones(inputs, 1.5);
    ProgramSpec spec{};
    spec.layers = layers, spec.layer_count = 4, spec.inputs = inputs, spec.outputs = outputs;
    spec.parameter_count = parameters;
    spec.mean = zeros.data(), spec.scale = ones.data(), spec.offset = zeros.data();
    spec.loss = {core.find_loss("softmax_cross_entropy"), {}};
    spec.penalty = {core.find_penalty("l2"), {1e-3}};
    spec.optimizer = {core.find_optimizer("adam"), {0.9, 0.999, 1e-8}};
    spec.around = {0.0, clip_norm, 0.01, clip_norm > 0.0 ? 2.0 : 0.0, -1.0, 0.0};
    spec.link = Link::largest;
    spec.largest_batch = 32;

    Arena arena{nullptr, 0, false};
    entries.lay_out(spec, arena);
    void* memory = std::calloc(arena.used + 64, 1);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    arena = {reinterpret_cast<char*>((address + 63) / 64 * 64), 0, false};
    void* run = entries.lay_out(spec, arena);

    std::vector<T> flat(parameters), first(parameters, T(0)), moment(parameters, T(0)), x(rows * inputs);
    std::vector<std::int64_t> classes(rows);
    for (std::size_t i = 0; i < flat.size(); ++i) flat[i] = static_cast<T>(std::sin(static_cast<double>(i)) * 0.3);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::cos(static_cast<double>(i) * 0.7));
    for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int64_t>(i * i % 5);
    std::vector<std::uint32_t> order(2 * rows), keys(2 * rows);
    std::vector<EpochRecord> records(3);
    const double rate = 1e-3;
    TrainTask task{};
    task.examples.x = {reinterpret_cast<const char*>(x.data()), sizeof(T) == 4 ? Kind::float32 : Kind::float64, rows,
                       inputs, inputs * static_cast<Index>(sizeof(T)), sizeof(T)};
    task.examples.classes = classes.data();
    task.batch_size = 32, task.shuffle = true, task.seed = 11;
    task.rates = &rate, task.constant_rate = true, task.epochs = 3;
    task.order = order.data(), task.keys = keys.data();
    task.safe.epoch = -1;
    task.penalty_per_example = task.penalty_in_loss = true;
    task.records = records.data();
    T* slots[] = {first.data(), moment.data()};
    entries.load(run, {flat.data(), slots, nullptr, nullptr});
    entries.train(run, task, threads);
    entries.unload(run, {flat.data(), slots, nullptr});
    std::free(memory);
    expect(task.stop == Stop::finished && task.finished == 3, "training");
    expect(records[2].loss_sum < records[0].loss_sum, "the loss falls", records[0].loss_sum, records[2].loss_sum);
    return flat;
}

template <typename T> void test_training(const Entries<T>& entries) {
    for (double clip_norm : {0.0, 0.1}) {
        const std::vector<T> alone = train_with<T>(1, entries, clip_norm);
        for (int threads = 2; threads <= 4; ++threads)
            for (int again = 0; again < 3; ++again)
                expect(std::memcmp(train_with<T>(threads, entries, clip_norm).data(), alone.data(),
                                   alone.size() * sizeof(T)) == 0,
                       "the same bits for every number of threads", threads);
    }
}

}  // namespace

int test_core() {
    for (Index rows : {1, 2, 13, 14, 15, 33})
        for (Index inner : {1, 5, 32, 70, 600})
            for (Index width : {1, 7, 16, 17, 33, 70}) {
                test_products<float>(rows, inner, width);
                test_products<double>(rows, inner, width);
            }
    test_functions<float>();
    test_functions<double>();
    test_random();
    test_training<float>(core.single);
    test_training<double>(core.twice);
    std::printf("%s: %d failures\n", core.name, failures);
    return failures;
}

}  // namespace pellucid::PELLUCID_ISA
