// The core by itself, without Python: for sanitizers, and for processors that only an emulator runs.
//
// Compiled once for each instruction set, as core.cpp is. Checks the functions against the C library, the random words
// against Random123's known answers, the sorting against itself, and that a training run gives the same bits for every
// number of threads; gemm_test.cpp checks the products. Prints what failed; the exit code is the number of failures, at
// most 100.

#include <cmath>

#include "check.hpp"
#include "planned.hpp"
#include "train.hpp"

namespace pellucid::PELLUCID_ISA {
extern const Core core;
void test_gemm();

namespace {

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
    const auto true_softplus = [](double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); };
    test_function<T>("softplus", softplus<T>, true_softplus, -15.0, 30.0);
    // Absolute, in the last places of 1: the tail of the exponential is less precise than that of its argument.
    const double tolerance = sizeof(T) == 4 ? 2e-7 : 4e-16;
    for (int i = 0; i <= 20000; ++i) {
        const T z = static_cast<T>(-12.0 + 24.0 * i / 20000.0), u = static_cast<T>(i / 20000.0);
        const double share = 0.5 * std::erfc(-static_cast<double>(z) * std::sqrt(0.5));
        const double density = std::exp(-0.5 * static_cast<double>(z) * static_cast<double>(z)) / std::sqrt(2.0 * M_PI);
        const Normal<T> normal = normal_distribution<T>(broadcast<T>(z));
        expect(std::abs(static_cast<double>(normal.share[0]) - share) <= tolerance, "Phi", static_cast<double>(z),
               share);
        expect(std::abs(static_cast<double>(normal.density[0]) - density) <= tolerance, "phi", static_cast<double>(z),
               density);
        const Direction<T> direction = direction_of<T>(broadcast<T>(u));
        const double angle = 2.0 * M_PI * static_cast<double>(u);
        expect(std::abs(static_cast<double>(direction.cosine[0]) - std::cos(angle)) <= 2.0 * tolerance, "cos", angle);
        expect(std::abs(static_cast<double>(direction.sine[0]) - std::sin(angle)) <= 2.0 * tolerance, "sin", angle);
        // Many turns in either direction lose nothing: their part of a turn is exact.
        const T turns = static_cast<T>(i % 4001 - 2000) + u * T(0.37);
        const double part = 2.0 * M_PI * (static_cast<double>(turns) - std::nearbyint(static_cast<double>(turns)));
        const Direction<T> far = direction_of<T>(broadcast<T>(turns));
        const double cosine = static_cast<double>(cosine_of_turns<T>(broadcast<T>(turns))[0]);
        expect(std::abs(cosine - std::cos(part)) <= 2.0 * tolerance, "cos of turns", static_cast<double>(turns));
        expect(static_cast<double>(far.cosine[0]) == cosine, "cos of turns twice", static_cast<double>(turns));
        expect(std::abs(static_cast<double>(far.sine[0]) - std::sin(part)) <= 2.0 * tolerance, "sin of turns",
               static_cast<double>(turns));
    }
    const T infinity = static_cast<T>(__builtin_inf()), nothing = static_cast<T>(__builtin_nan(""));
    for (T huge : {T(1e20), T(-1e20)}) {
        const double cosine = static_cast<double>(cosine_of_turns<T>(broadcast<T>(huge))[0]);
        expect(std::abs(cosine - 1.0) <= 2.0 * tolerance, "cos of whole turns", static_cast<double>(huge), cosine);
        expect(direction_of<T>(broadcast<T>(huge)).sine[0] == T(0), "sin of whole turns", static_cast<double>(huge));
    }
    for (T wrong : {infinity, -infinity, nothing})
        expect(std::isnan(static_cast<double>(cosine_of_turns<T>(broadcast<T>(wrong))[0])), "cos of no number",
               static_cast<double>(wrong));
}

void test_random() {
    // Random123's known answers for philox4x32_10: counter and key 0.
    Blocks words[4];
    philox({0, Purpose::initialize, 0, 0}, 0, words);
    expect(words[0][0] == 0x6627e8d5u && words[1][0] == 0xe169c58du && words[2][0] == 0xbc57ac4cu &&
               words[3][0] == 0x9b00dbd8u, "philox");
    const Index count = 10007;
    List<std::uint32_t> order(2 * count), keys(2 * count);
    List<char> seen(count);
    permutation({7, Purpose::shuffle, 0, 3}, count, order.data(), keys.data());
    std::uint64_t last = 0;
    for (Index i = 0; i < count; ++i) {
        char& place = seen[static_cast<Index>(order[i])];
        expect(place == 0, "permutation");
        place = 1;
        philox({7, Purpose::shuffle, 0, 3}, order[i] / 4, words);
        const std::uint64_t key = words[order[i] % 4][0] << 32 | order[i];
        expect(key >= last, "order of the permutation");
        last = key;
    }
}

// A network inputs-hidden-outputs, with dropout where it is wide, and how it is trained; for tables with the layers for
// them, the last column being a code; with branches that are added and put beside each other, at two positions. Rows of
// the last batch: as many as remain.
struct Case {
    Index inputs, hidden, outputs, rows, batch;
    bool bias, classes;
    double clip_norm;
    bool tables = false, branches = false;
    bool is_wide() const { return hidden > 16; }
};

constexpr Index codes = 23;

// Layers one behind the other, with their parameters in one flat vector.
struct Chain {
    LayerSpec layers[16];
    double numbers[16][most_numbers];
    SourceSpec sources[16][2];
    Index count, width, positions, parameters;

    // It reads the output of the last one.
    void add(const char* name, Index outputs) {
        LayerSpec& layer = layers[count];
        layer = LayerSpec{};
        layer.code = core.find_layer(name);
        expect(layer.code >= 0, name);
        layer.number = count;
        layer.inputs = width;
        layer.outputs = width = outputs;
        layer.positions = layer.output_positions = positions;
        layer.sources = sources[count];
        sources[count][0] = {count, layer.inputs, -1, -1, -1};
        layer.source_count = 1;
        layer.numbers = numbers[count++];
        layer.scheduled = -1;
    }
    // Another buffer, in the first place.
    void with_source(Index buffer) {
        LayerSpec& layer = layers[count - 1];
        layer.sources[1] = layer.sources[0];
        layer.sources[0] = {buffer, layers[buffer - 1].outputs, -1, -1, -1};
        layer.inputs = layer.sources[0].width;
        layer.source_count = 2;
    }
    // Each example at `to` positions.
    void reshape(Index to) {
        const Index outputs = width * positions / to;
        add("reshape", outputs);
        layers[count - 1].output_positions = positions = to;
    }
    void with_number(double number) { numbers[count - 1][layers[count - 1].number_count++] = number; }
    void with_parameter(Index rows, Index columns, bool penalized) {
        layers[count - 1].parameters[layers[count - 1].parameter_count++] = {parameters, rows, columns, penalized};
        parameters += rows * columns;
    }
    void add_dense(const char* name, Index outputs, bool bias) {
        const Index inputs = width;
        add(name, outputs);
        with_parameter(inputs, outputs, true);
        if (bias) with_parameter(1, outputs, false);
    }
    void add_for_tables() {
        const Index numbers_in_front = width - 1, waves = 5, more = 3, size = 6;
        add("periodic_embedding", width + numbers_in_front * more);
        with_parameter(numbers_in_front, waves, false);
        with_parameter(numbers_in_front, waves, false);
        with_parameter(numbers_in_front, waves * more, true);
        with_parameter(numbers_in_front, more, false);
        add("embedding", width - 1 + size);
        with_number(static_cast<double>(codes));
        with_parameter(codes, size, true);
        add("scale", width);
        with_parameter(1, width, false);
    }
    // (s, tanh s) with s = x + relu(x) W at two positions, x being a dense layer's output: x and s are read twice.
    void add_branches(bool bias) {
        reshape(2);
        add_dense("dense", 6, bias);
        const Index x = count, inner = width;
        add("relu", 6);
        add_dense("dense", 6, bias);
        add("add", 6);
        with_source(x);
        const Index sum = count;
        add("tanh", 6);
        add("concatenate", inner + 6);
        with_source(sum);
        reshape(1);
    }
};

inline void fill(Chain& chain, const Case& of) {
    chain = Chain{};
    chain.width = of.inputs;
    chain.positions = 1;
    if (of.tables) chain.add_for_tables();
    if (of.branches) chain.add_branches(of.bias);
    chain.add_dense(of.tables ? "dense_ntk" : "dense", of.hidden, of.bias);
    chain.add(of.tables ? "parametric_mish" : "tanh", of.hidden);
    if (of.tables) chain.with_parameter(1, of.hidden, false);
    chain.add(of.is_wide() ? "dropout" : "gelu", of.hidden);
    if (of.is_wide()) {
        chain.with_number(858993459.0);
        chain.with_number(1.25);
        chain.layers[chain.count - 1].scheduled = 0;  // dropout that fades
    }
    chain.add_dense("dense", of.outputs, of.bias);
}

// The parameters after three epochs.
template <typename T> List<T> train_with(int threads, const Entries<T>& entries, const Case& of) {
    Chain chain;
    fill(chain, of);
    const Index parameters = chain.parameters;
    List<double> mean(of.inputs), scale(of.inputs);
    for (Index i = 0; i < of.inputs; ++i) mean[i] = 0.25, scale[i] = 1.5;
    ProgramSpec spec{};
    spec.layers = chain.layers, spec.layer_count = chain.count, spec.inputs = of.inputs, spec.outputs = of.outputs;
    spec.positions = 1;
    spec.parameter_count = parameters;
    for (Index l = 0; l < chain.count; ++l) {
        const char* wrong = core.check_layer(chain.layers[l]);
        expect(!wrong, wrong ? wrong : "");
    }
    plan_matrices(spec, chain.layers, core);
    spec.mean = of.tables ? nullptr : mean.data(), spec.scale = scale.data(), spec.offset = mean.data();
    spec.loss = {core.find_loss(of.classes ? "softmax_cross_entropy" : "squared_error"), {}};
    spec.penalty = {core.find_penalty("l2"), {1e-3}};
    spec.optimizer = {core.find_optimizer("adam"), {0.9, 0.999, 1e-8}};
    spec.options = {0.0, of.clip_norm, of.clip_norm > 0.0 ? 2.0 : 0.0, -1.0, 0.0};
    spec.link = of.classes ? Link::largest : Link::identity;
    spec.largest_batch = of.batch;
    // Few units in every vector's worth of columns: transposed, in as many instruction sets as have vectors so long.
    const bool is_narrow = of.inputs <= panel<T> && of.hidden <= lanes<T> && of.outputs <= lanes<T>;
    expect(is_better_transposed<T>(spec) == (!of.is_wide() && !of.tables && !of.branches && is_narrow &&
                                        of.batch >= lanes<T>),
           "whether matrices are transposed");

    Arena arena{nullptr, 0, false};
    entries.lay_out(spec, arena);
    void* memory = std::calloc(arena.used + 64, 1);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    arena = {reinterpret_cast<char*>((address + 63) / 64 * 64), 0, false};
    void* run = entries.lay_out(spec, arena);

    List<T> flat(parameters), first(parameters), moment(parameters), x(of.rows * of.inputs), y(of.rows * of.outputs);
    List<std::int64_t> classes(of.rows);
    for (Index i = 0; i < flat.size(); ++i) flat[i] = static_cast<T>(std::sin(static_cast<double>(i)) * 0.3);
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::cos(static_cast<double>(i) * 0.7));
    for (Index row = 0; of.tables && row < of.rows; ++row)
        x[row * of.inputs + of.inputs - 1] = static_cast<T>(row * row % codes);
    for (Index i = 0; i < y.size(); ++i) y[i] = static_cast<T>(std::cos(static_cast<double>(i) * 0.3));
    for (Index i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int64_t>(i * i % of.outputs);
    List<std::uint32_t> order(2 * of.rows), keys(2 * of.rows);
    EpochRecord records[3];
    const double rate = 1e-3;
    const Index steps = 3 * ((of.rows + of.batch - 1) / of.batch);
    List<double> decays(steps), scheduled(2 * steps);
    for (Index step = 0; step < steps; ++step) {
        const double part = 0.2 * static_cast<double>(steps - step - 1) / static_cast<double>(steps);
        decays[step] = part;
        scheduled[2 * step] = std::rint(part * 0x1p32), scheduled[2 * step + 1] = 1.0 / (1.0 - part);
    }
    const auto source = [&](List<T>& numbers, Index columns) {
        return Source{reinterpret_cast<const char*>(numbers.data()), sizeof(T) == 4 ? Kind::float32 : Kind::float64,
                      of.rows, columns, columns * static_cast<Index>(sizeof(T)), sizeof(T)};
    };
    TrainTask task{};
    task.examples.x = source(x, of.inputs);
    task.examples.targets = source(y, of.outputs);
    task.examples.classes = of.classes ? classes.data() : nullptr;
    task.batch_size = of.batch, task.shuffle = true, task.seed = 11;
    task.rates = &rate, task.constant_rate = true, task.epochs = 3;
    task.decays = decays.data();
    if (of.is_wide()) task.scheduled = scheduled.data(), task.scheduled_width = 2;
    task.order = order.data(), task.keys = keys.data();
    task.safe.epoch = -1;
    task.penalty_per_example = task.penalty_in_loss = true;
    task.records = records;
    T* slots[] = {first.data(), moment.data()};
    entries.load(run, {flat.data(), slots, nullptr, nullptr});
    entries.train(run, task, threads);
    entries.unload(run, {flat.data(), slots, nullptr});
    std::free(memory);
    expect(task.stop == Stop::finished && task.finished == 3, "training");
    expect(records[2].loss_sum < records[0].loss_sum, "the loss falls", records[0].loss_sum, records[2].loss_sum);
    return flat;
}

constexpr Case cases[] = {
    {37, 45, 5, 300, 32, true, true, 0.0},   {37, 45, 5, 300, 32, true, true, 0.1},
    {5, 33, 3, 1300, 1100, true, false, 0.0},  // in pieces
    {9, 40, 5, 300, 32, true, true, 0.0, true}, {2, 17, 3, 1300, 1100, false, false, 0.1, true},
    {4, 6, 2, 300, 47, true, true, 0.0, true},
    {8, 40, 5, 300, 32, true, true, 0.1, false, true}, {6, 5, 2, 1300, 1100, false, false, 0.0, false, true},
    // narrow ones: transposed
    {2, 2, 2, 300, 33, true, true, 0.0},     {2, 2, 1, 300, 300, true, false, 0.1},
    {3, 5, 2, 90, 16, true, true, 0.0},      {30, 16, 7, 200, 47, false, false, 0.0},
    {4, 4, 4, 1300, 1100, true, true, 0.0},  {1, 1, 1, 100, 17, false, false, 0.0},
};

template <typename T> void test_training(const Entries<T>& entries) {
    for (const Case& of : cases) {
        const List<T> alone = train_with<T>(1, entries, of);
        for (int threads : {2, 3, 4, 8})
            for (int again = 0; again < 2; ++again)
                expect(train_with<T>(threads, entries, of).same_bits(alone),
                       "the same bits for every number of threads", threads, static_cast<double>(of.hidden));
    }
}

}  // namespace

int test_core() {
    test_gemm();
    test_functions<float>();
    test_functions<double>();
    test_random();
    test_training<float>(core.float32);
    test_training<double>(core.float64);
    std::printf("%s: %d failures\n", core.name, failures);
    return failures;
}

}  // namespace pellucid::PELLUCID_ISA
