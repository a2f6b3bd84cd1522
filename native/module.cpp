// The binding: pellucid._native. See src/pellucid/engines/native.py for how it is used.

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>

#include "machine.hpp"

namespace pellucid {

namespace {

// Every call of a machine needs this many multiplications before a team pays for its wake-up and its meetings.
constexpr double work_for_a_call = 4e6;
// And every meeting of it this many, so that a step is not all waiting.
constexpr double work_for_a_piece = 6e6;

int usable_cores() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    const unsigned count = std::thread::hardware_concurrency();
    return count > 0 ? static_cast<int>(count) : 1;
}

// `asked` threads, or, where it is 0, as many as the work is worth.
int choose_threads(int asked, double piece, double call) {
    if (asked > 0) return asked;
    if (piece < work_for_a_piece || call < work_for_a_call) return 1;
    return asked < 0 ? std::min(-std::max(asked, -most_threads), usable_cores()) : usable_cores();
}

// Whether a signal handler raised: KeyboardInterrupt ends the training in good order, another error is passed on.
bool interrupted() {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return false;
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) PyErr_Clear();
    return true;
}

template <typename T> constexpr Kind kind_of = sizeof(T) == 4 ? Kind::float32 : Kind::float64;

template <typename T> const Entries<T>& entries_of(const Core& core) {
    if constexpr (sizeof(T) == 4) return core.single;
    else return core.twice;
}

std::unique_ptr<Buffer> maybe(nb::handle array, const char* name) {
    return array.is_none() ? nullptr : std::make_unique<Buffer>(array, name);
}

bool same(const PartSpec& a, const PartSpec& b) {
    return a.code == b.code && std::equal(a.numbers, a.numbers + most_numbers, b.numbers);
}

bool same(const AroundSpec& a, const AroundSpec& b) {
    return a.clip_value == b.clip_value && a.clip_norm == b.clip_norm && a.max_norm == b.max_norm &&
           a.average == b.average && a.rate_factors == b.rate_factors;
}

bool same_parts(const ProgramSpec& a, const ProgramSpec& b) {
    return same(a.loss, b.loss) && same(a.penalty, b.penalty) && same(a.optimizer, b.optimizer) &&
           same(a.around, b.around) && a.link == b.link && a.largest_batch == b.largest_batch;
}

using Buffers = std::vector<const Buffer*>;  // null: none

// What is written must share no memory with anything else of the call.
void check_apart(const Buffers& written, const Buffers& read) {
    for (std::size_t i = 0; i < written.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            check(!written[i]->overlaps(*written[j]), "arrays that are written must not share memory");
        for (const Buffer* other : read)
            check(!other || !written[i]->overlaps(*other), "arrays that are written must not share memory with others");
    }
}

template <typename T> bool are_weights(const T* numbers, Index count) {
    return std::all_of(numbers, numbers + count, [](T number) { return number >= T(0) && std::isfinite(number); });
}

// What a call is asked to do with rows: the caller's arrays, held and checked.
class Rows {
public:
    Rows(const ProgramSpec& spec, nb::handle x, nb::handle classes, nb::handle targets, nb::handle weights)
        : x_(x, "x"), classes_(maybe(classes, "classes")), targets_(maybe(targets, "targets")),
          weights_(maybe(weights, "sample_weight")) {
        examples_.x = x_.matrix(spec.inputs);
        const Index rows = examples_.x.rows;
        check(rows >= 1, "there must be at least one row");
        check(!classes_ != !targets_, "there must be either classes or targets");
        if (classes_) {
            examples_.classes = classes_->vector<std::int64_t>(Kind::int64, rows);
            for (Index i = 0; i < rows; ++i)
                check(examples_.classes[i] >= 0 && examples_.classes[i] < spec.outputs, "a class is out of range");
        } else {
            examples_.targets = targets_->matrix(spec.outputs);
            check(examples_.targets.rows == rows, "x and targets must have as many rows");
        }
        if (!weights_) return;
        examples_.weights = weights_->vector<double>(Kind::float64, rows);
        check(are_weights(examples_.weights, rows), "sample_weight must hold finite numbers of at least 0");
    }

    const Examples& examples() const { return examples_; }
    Buffers buffers() const { return {&x_, classes_.get(), targets_.get(), weights_.get()}; }

private:
    Buffer x_;
    std::unique_ptr<Buffer> classes_, targets_, weights_;
    Examples examples_{};
};

// clip_value, clip_norm, max_norm (0: without), average (−1: without)
using AroundLine = std::tuple<double, double, double, double>;
using MomentLine = std::tuple<Index, Index, std::int64_t, double, double, double>;

AroundSpec read_around(const AroundLine& line, bool has_rate_factors) {
    const auto [clip_value, clip_norm, max_norm, average] = line;
    const double limits[] = {clip_value, clip_norm, max_norm};
    check(are_weights(limits, 3), "clip_value, clip_norm and max_norm must be finite numbers of at least 0");
    check(average == -1.0 || (average >= 0.0 && average < 1.0), "average must be at least 0 and below 1, or -1");
    return {clip_value, clip_norm, max_norm, average, has_rate_factors ? 1.0 : 0.0};
}

Moment read_moment(const MomentLine& line, Index epochs, Index batches) {
    const auto [epoch, batch, step, loss_sum, weight_sum, correct_sum] = line;
    check(epochs >= 0 && epoch >= 0 && step >= 0 && batch >= 0 && batch <= batches,
          "epochs, epoch, batch and step must not be negative, and batch at most the number of batches");
    Index steps = 0, last = 0;
    check(!__builtin_mul_overflow(epochs, batches, &steps) && !__builtin_add_overflow(epoch, epochs, &last) &&
              !__builtin_add_overflow(step, steps, &last),
          "too many epochs or steps");
    return {epoch, batch, step, loss_sum, weight_sum, correct_sum};
}

// What schedules say of each step: a number for each, or a single one for all of them.
const double* read_schedule(const Buffer& buffer, Index steps, bool& constant) {
    check(buffer.dimensions() == 1, "rates and decays must be vectors");
    constant = buffer.size(0) == 1;
    const Index count = constant ? 1 : steps;
    const double* numbers = buffer.vector<double>(Kind::float64, count);
    check(is_finite(numbers, count), "rates and decays must be finite");
    return numbers;
}

MomentLine line_of(const Moment& m) {
    return {m.epoch, m.batch, m.step, m.loss_sum, m.weight_sum, m.correct_sum};
}

template <typename T> class Machine {
public:
    Machine(Index inputs, Index outputs, Index parameter_count, const std::vector<LayerLine>& lines,
            std::vector<double> statistics, std::vector<double> mean, std::vector<double> scale,
            std::vector<double> offset, double limit, const std::vector<Index>& scheduled)
        : program_(inputs, outputs, parameter_count, lines, std::move(statistics), std::move(mean), std::move(scale),
                   std::move(offset), limit, scheduled),
          entries_(entries_of<T>(program_.core())) {}

    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // Writes the scores of the rows of x into `out`. The parameters are packed anew only for another array than the
    // one before, or one that may be written to.
    void scores(nb::handle parameters, nb::handle statistics, nb::handle x, nb::handle out, int threads) {
        const Buffer flat(parameters, "parameters"), measured(statistics, "statistics"), rows(x, "x"),
            answer(out, "out", true);
        const double* running = statistics_in(measured);
        const T* numbers = flat.vector<T>(kind_of<T>, program_.spec().parameter_count);
        const Source source = rows.matrix(program_.spec().inputs);
        T* to = answer.vector<T>(kind_of<T>, source.rows * program_.spec().outputs);
        check_apart({&answer}, {&flat, &measured, &rows});
        if (source.rows == 0) return;
        const double work = static_cast<double>(program_.work_of_row());
        const double count = static_cast<double>(source.rows);
        threads = std::clamp(choose_threads(threads, work_for_a_piece, work * count), 1, most_threads);
        nb::object held = nb::borrow(parameters);
        PyObject* previous = nullptr;
        {
            const Turn turn(place_);
            std::vector<void*>& runs = place_->prediction_runs;
            while (static_cast<int>(runs.size()) < threads) {
                ProgramSpec spec = program_.spec();
                spec.largest_batch = 64;
                auto memory = std::make_unique<Memory>();
                runs.reserve(runs.size() + 1);
                place_->prediction.reserve(runs.size() + 1);
                runs.push_back(memory->lay_out(entries_, spec));
                place_->prediction.push_back(std::move(memory));
            }
            previous = place_->loaded;
            const bool known = previous == parameters.ptr() && flat.is_read_only();
            if (known) entries_.load_statistics(runs[0], running);
            else entries_.load(runs[0], {numbers, nullptr, running, nullptr});
            place_->loaded = parameters.ptr();
            entries_.scores(runs.data(), threads, source, to);
        }
        held.release();
        Py_XDECREF(previous);
    }

    // The mean loss plus the penalty; the flat gradient goes into `out`.
    double gradient(nb::handle parameters, nb::handle statistics, const PartLine& loss, const PartLine& penalty,
                    nb::handle x, nb::handle classes, nb::handle targets, nb::handle weights, nb::handle out,
                    int threads) {
        const Index count = program_.spec().parameter_count;
        const Buffer flat(parameters, "parameters"), measured(statistics, "statistics"), answer(out, "out", true);
        const double* running = statistics_in(measured);
        const T* numbers = flat.vector<T>(kind_of<T>, count);
        T* to = answer.vector<T>(kind_of<T>, count);
        const Rows rows(program_.spec(), x, classes, targets, weights);
        Buffers read = rows.buffers();
        read.insert(read.end(), {&flat, &measured});
        check_apart({&answer}, read);
        ProgramSpec spec = with_parts(loss, penalty, std::nullopt, 0);
        check(spec.loss.code >= 0, "a loss is needed");
        spec.largest_batch = rows.examples().x.rows;
        threads = training_threads(threads, spec.largest_batch, 1.0);
        const Turn turn(place_);
        void* run = training_run(spec);
        entries_.load(run, {numbers, nullptr, running, nullptr});
        return entries_.gradient(run, rows.examples(), to, threads);
    }

    // Whole epochs; see Engine.train. A state is the parameters, the slots, the moving average if one is kept, and the
    // statistics; `starts_average` says that none was kept so far. Answers (stop, finished epochs, moment, safe moment);
    // the new state goes into `out`, and, if the safe moment's epoch is not −1, that of that moment into `safe`.
    std::tuple<int, Index, MomentLine, MomentLine> train(
        const std::vector<nb::object>& state, bool starts_average, const PartLine& loss, const PartLine& penalty,
        const PartLine& optimizer, const AroundLine& around, nb::handle rate_factors, int link, nb::handle x,
        nb::handle classes, nb::handle targets, nb::handle weights, Index batch_size, bool shuffle, std::uint64_t seed,
        nb::handle rates, nb::handle decays, nb::handle scheduled, Index epochs, const MomentLine& moment, const std::vector<nb::object>& out,
        const std::vector<nb::object>& safe, nb::handle records, bool check_signals, int threads,
        bool penalty_per_example, bool penalty_in_loss) {
        const Rows rows(program_.spec(), x, classes, targets, weights);
        const Index n = rows.examples().x.rows;
        check(link >= 0 && link <= 2, "link must be 0, 1 or 2");
        check(batch_size >= 1 && batch_size <= n, "batch_size must be at least 1 and at most the number of rows");
        ProgramSpec spec = with_parts(loss, penalty, optimizer, link);
        check(spec.loss.code >= 0 && spec.optimizer.code >= 0, "a loss and an optimizer are needed");
        spec.largest_batch = batch_size;
        const std::unique_ptr<Buffer> factors = maybe(rate_factors, "rate_factors");
        spec.around = read_around(around, factors != nullptr);
        const std::size_t vectors = 2 + static_cast<std::size_t>(program_.core().slot_count(spec.optimizer.code)) +
                                    (spec.around.average >= 0.0 ? 1 : 0);
        check(state.size() == vectors && out.size() == vectors && safe.size() == vectors,
              "parameters and slots must be as many as the optimizer has");
        const Vectors from(state, "state", false, spec), to(out, "out", true, spec), back(safe, "safe", true, spec);

        TrainTask task{};
        task.examples = rows.examples();
        task.batch_size = batch_size;
        task.shuffle = shuffle;
        task.seed = seed;
        const Index batches = (n + batch_size - 1) / batch_size;
        task.moment = read_moment(moment, epochs, batches);
        const Index steps = epochs * batches;
        const Buffer rate_array(rates, "rates"), decay_array(decays, "decays"), record_array(records, "records", true);
        task.rates = read_schedule(rate_array, steps, task.constant_rate);
        task.decays = read_schedule(decay_array, steps, task.constant_decay);
        const std::unique_ptr<Buffer> scheduled_numbers = maybe(scheduled, "scheduled");
        task.scheduled_width = program_.scheduled_width();
        if (task.scheduled_width > 0) {
            Index cells_of_steps = 0;
            check(scheduled_numbers && !__builtin_mul_overflow(steps, task.scheduled_width, &cells_of_steps),
                  "a network whose layers follow schedules needs their numbers at each step");
            task.scheduled = scheduled_numbers->vector<double>(Kind::float64, cells_of_steps);
            check(is_finite(task.scheduled, cells_of_steps), "the numbers of layers at each step must be finite");
            for (Index i = 0; i < cells_of_steps; i += 2)  // of dropout, the only layer that has such numbers
                check(task.scheduled[i] >= 0.0 && task.scheduled[i] <= 0x1p32, "a threshold of dropout is out of range");
        }
        check(epochs <= std::numeric_limits<Index>::max() / 4, "too many epochs or steps");
        task.records = reinterpret_cast<EpochRecord*>(record_array.vector<double>(Kind::float64, 4 * epochs));
        task.epochs = epochs;
        task.starts_average = starts_average;
        task.penalty_per_example = penalty_per_example;
        task.penalty_in_loss = penalty_in_loss;
        task.safe.epoch = -1;
        task.interrupted = check_signals ? interrupted : nullptr;
        const T* rate_of_each = factors ? factors->vector<T>(kind_of<T>, spec.parameter_count) : nullptr;
        check(!factors || are_weights(rate_of_each, spec.parameter_count),
              "rate_factors must be finite and at least 0");
        Buffers read = rows.buffers(), written{&record_array};
        read.insert(read.end(), {factors.get(), &rate_array, &decay_array, scheduled_numbers.get()});
        from.add_to(read), to.add_to(written), back.add_to(written);
        check_apart(written, read);
        threads = training_threads(threads, batch_size, static_cast<double>(steps));
        {
            const Turn turn(place_);
            std::vector<std::uint32_t> order(shuffle && batch_size < n ? 4 * static_cast<std::size_t>(n) : 0);
            task.order = order.data();
            task.keys = order.data() + order.size() / 2;
            void* run = training_run(spec);
            entries_.load(run, {from.pointers[0], from.pointers.data() + 1, from.statistics, rate_of_each});
            entries_.train(run, task, threads);
            entries_.unload(run, to.all());
            if (task.safe.epoch >= 0) entries_.unload_safe(run, back.all());
        }
        if (PyErr_Occurred()) throw nb::python_error();
        return {static_cast<int>(task.stop), task.finished, line_of(task.moment), line_of(task.safe)};
    }

private:
    // The vectors of a state, held and checked: as many numbers as parameters each, and the statistics at the end.
    struct Vectors {
        Vectors(const std::vector<nb::object>& arrays, const char* name, bool writable, const ProgramSpec& spec) {
            for (const nb::object& array : arrays) {
                buffers.push_back(std::make_unique<Buffer>(array, name, writable));
                const Buffer& buffer = *buffers.back();
                if (buffers.size() == arrays.size())
                    statistics = buffer.vector<double>(Kind::float64, spec.statistic_count);
                else
                    pointers.push_back(buffer.template vector<T>(kind_of<T>, spec.parameter_count));
            }
        }
        void add_to(Buffers& all) const {
            for (const auto& buffer : buffers) all.push_back(buffer.get());
        }
        FlatVectors<T> all() const { return {pointers[0], pointers.data() + 1, statistics}; }

        std::vector<std::unique_ptr<Buffer>> buffers;
        std::vector<T*> pointers;
        double* statistics = nullptr;
    };

    const double* statistics_in(const Buffer& buffer) const {
        return buffer.vector<double>(Kind::float64, program_.spec().statistic_count);
    }

    ProgramSpec with_parts(const PartLine& loss, const PartLine& penalty, const PartLine& optimizer, int link) const {
        ProgramSpec spec = program_.spec();
        const Core& core = program_.core();
        spec.loss = Program::read_part(loss, core.find_loss, "loss");
        spec.penalty = Program::read_part(penalty, core.find_penalty, "penalty");
        spec.optimizer = Program::read_part(optimizer, core.find_optimizer, "optimizer");
        spec.link = static_cast<Link>(link);
        check(!loss || std::get<0>(*loss) != "quantile" ||
                  static_cast<Index>(std::get<1>(*loss).size()) == spec.outputs,
              "quantile needs a level for each output");
        return spec;
    }

    int training_threads(int asked, Index rows, double steps) const {
        const double piece = 3.0 * static_cast<double>(program_.work_of_row()) * static_cast<double>(rows < 1024 ? rows : 1024);
        return choose_threads(asked, piece, piece * steps);
    }

    // The run for these parts: the last one where nothing has changed.
    void* training_run(const ProgramSpec& spec) {
        Workplace& place = *place_;
        if (!place.training_run || !same_parts(spec, place.training_spec)) {
            place.training_run = nullptr;
            place.training_run = place.training.lay_out(entries_, spec);
            place.training_spec = spec;
        }
        return place.training_run;
    }

    Program program_;
    const Entries<T>& entries_;
    std::unique_ptr<Workplace> place_ = std::make_unique<Workplace>();
};

template <typename T> void bind_machine(nb::module_& module, const char* name) {
    using namespace nb::literals;
    using M = Machine<T>;
    nb::class_<M>(module, name)
        .def(nb::init<Index, Index, Index, const std::vector<LayerLine>&, std::vector<double>, std::vector<double>,
                      std::vector<double>, std::vector<double>, double, const std::vector<Index>&>(),
             "inputs"_a, "outputs"_a, "parameter_count"_a, "layers"_a, "statistics"_a, "mean"_a, "scale"_a, "offset"_a,
             "limit"_a, "scheduled"_a = std::vector<Index>())
        .def("scores", &M::scores, "parameters"_a, "statistics"_a, "x"_a, "out"_a, "threads"_a)
        .def("gradient", &M::gradient, "parameters"_a, "statistics"_a, "loss"_a, "penalty"_a.none(), "x"_a,
             "classes"_a.none(), "targets"_a.none(), "sample_weight"_a.none(), "out"_a, "threads"_a)
        .def("train", &M::train, "state"_a, "starts_average"_a, "loss"_a, "penalty"_a.none(), "optimizer"_a, "around"_a,
             "rate_factors"_a.none(), "link"_a, "x"_a, "classes"_a.none(), "targets"_a.none(),
             "sample_weight"_a.none(), "batch_size"_a, "shuffle"_a, "seed"_a, "rates"_a, "decays"_a,
             "scheduled"_a.none(), "epochs"_a, "moment"_a,
             "out"_a, "safe"_a, "records"_a, "check_signals"_a, "threads"_a, "penalty_per_example"_a = false,
             "penalty_in_loss"_a = false);
}

}  // namespace

}  // namespace pellucid

NB_MODULE(_native, module) {
    using namespace pellucid;
    module.doc() = "The native engine's core. Use it through pellucid.engines.native.";
    module.attr("isa") = best_core().name;
    module.attr("most_numbers") = most_numbers;
    module.def("has_layer", [](const std::string& name) { return best_core().find_layer(name.c_str()) >= 0; });
    module.def("has_loss", [](const std::string& name) { return best_core().find_loss(name.c_str()) >= 0; });
    module.def("has_penalty", [](const std::string& name) { return best_core().find_penalty(name.c_str()) >= 0; });
    module.def("has_optimizer", [](const std::string& name) { return best_core().find_optimizer(name.c_str()) >= 0; });
    bind_machine<float>(module, "Machine32");
    bind_machine<double>(module, "Machine64");
}
