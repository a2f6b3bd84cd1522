// A program that runs, for one type of number: its description, and the memory of its calls.
//
// Contract. The program is fixed; loss, penalty, optimizer and batch size may change from call to call, and the memory
// is laid out anew when they do. Whatever a call is given is checked here, so that the core need not.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "call.hpp"
#include "program.hpp"

namespace pellucid {

template <typename T> constexpr Kind kind_of = sizeof(T) == 4 ? Kind::float32 : Kind::float64;

template <typename T> const Entries<T>& entries_of(const Core& core) {
    if constexpr (sizeof(T) == 4) return core.float32;
    else return core.float64;
}

inline bool same(const PartSpec& a, const PartSpec& b) {
    return a.code == b.code && std::equal(a.numbers, a.numbers + most_numbers, b.numbers);
}

inline bool same(const UpdateOptions& a, const UpdateOptions& b) {
    return a.clip_value == b.clip_value && a.clip_norm == b.clip_norm && a.max_norm == b.max_norm &&
           a.average == b.average && a.rate_factors == b.rate_factors;
}

inline bool same_parts(const ProgramSpec& a, const ProgramSpec& b) {
    return same(a.loss, b.loss) && same(a.penalty, b.penalty) && same(a.optimizer, b.optimizer) &&
           same(a.options, b.options) && a.link == b.link && a.largest_batch == b.largest_batch;
}

template <typename T> class NativeProgram {
public:
    NativeProgram(Index inputs, Index positions, Index outputs, Index parameter_count, std::vector<LayerRecord> layers,
                  std::vector<double> statistics, std::optional<ScalingRecord> scaling)
        : program_(inputs, positions, outputs, parameter_count, std::move(layers), std::move(statistics),
                   std::move(scaling)),
          entries_(entries_of<T>(program_.core())) {}

    // Writes the scores of the rows of x into `out`. The parameters are packed anew only for another array than the
    // one before, or one that may be written to.
    void scores(nb::handle parameters, nb::handle statistics, nb::handle x, nb::handle out, int threads) {
        const Buffer flat(parameters, "parameters"), measured(statistics, "statistics"), rows(x, "x"),
            result(out, "out", true);
        const double* running = statistics_in(measured);
        const T* numbers = parameters_in(flat);
        const ProgramSpec& program = program_.spec();
        const Source source = rows.matrix(program.positions * program.inputs);
        T* to = result.vector<T>(kind_of<T>, source.rows * program.output_positions * program.outputs);
        check_apart({&result}, {&flat, &measured, &rows});
        if (source.rows == 0) return;
        const double work = program_.work_of_row();
        const double count = static_cast<double>(source.rows);
        threads = std::clamp(choose_threads(threads, work_for_a_piece, work * count), 1, most_threads);
        nb::object held = nb::borrow(parameters);
        PyObject* previous = nullptr;
        {
            const ExclusiveCall call(state_);
            std::vector<void*>& runs = state_->prediction_runs;
            while (static_cast<int>(runs.size()) < threads) {
                ProgramSpec spec = program_.spec();
                spec.largest_batch = 64;
                auto memory = std::make_unique<Memory>();
                runs.reserve(runs.size() + 1);
                state_->prediction.reserve(runs.size() + 1);
                runs.push_back(memory->lay_out(entries_, spec));
                state_->prediction.push_back(std::move(memory));
            }
            previous = state_->loaded;
            const bool known = previous == parameters.ptr() && flat.is_read_only();
            if (known) entries_.load_statistics(runs[0], running);
            else entries_.load(runs[0], {numbers, nullptr, running, nullptr});
            state_->loaded = parameters.ptr();
            entries_.scores(runs.data(), threads, source, to);
        }
        held.release();
        Py_XDECREF(previous);
    }

    // Returns the mean loss plus the penalty; the flat gradient goes into `out`.
    double gradient(nb::handle parameters, nb::handle statistics, const PartRecord& loss,
                    const std::optional<PartRecord>& penalty, const ExamplesRecord& examples, nb::handle out,
                    int threads) {
        const Buffer flat(parameters, "parameters"), measured(statistics, "statistics"), result(out, "out", true);
        const double* running = statistics_in(measured);
        const T* numbers = parameters_in(flat);
        T* to = parameters_in(result);
        check_fit(examples);
        Buffers read = examples.buffers();
        read.insert(read.end(), {&flat, &measured});
        check_apart({&result}, read);
        ProgramSpec spec = with_loss(loss, penalty);
        spec.largest_batch = examples.rows();
        threads = training_threads(threads, spec.largest_batch, 1.0);
        const ExclusiveCall call(state_);
        void* run = training_run(spec);
        entries_.load(run, {numbers, nullptr, running, nullptr});
        return entries_.gradient(run, examples.examples(), to, threads);
    }

    // Whole epochs; see Engine.train. The new state goes into `out`, and that of the safe position, if there is one,
    // into `safe`. A state without an average, where the task keeps one, begins it.
    TrainResult train(const TrainTaskRecord& asked, const VectorsRecord& state, const TrainingPosition& position,
                      const SchedulesRecord& schedules, Index epochs, const VectorsRecord& out,
                      const VectorsRecord& safe, nb::handle records, bool check_signals, int threads) {
        check_fit(asked.examples);
        ProgramSpec spec = with_loss(asked.loss, asked.penalty);
        spec.optimizer = part_spec(asked.optimizer, program_.core().find_optimizer, "optimizer");
        spec.link = asked.link;
        spec.options = asked.options;
        spec.largest_batch = asked.batch_size;
        const T* rate_factors = asked.rate_factors ? parameters_in(*asked.rate_factors) : nullptr;
        check(!rate_factors || are_weights(rate_factors, spec.parameter_count),
              "rate_factors must be finite and at least 0");
        const bool keeps_average = spec.options.average >= 0.0;
        check(out.is_writable && safe.is_writable, "out and safe must be writable");
        check(!state.average || keeps_average, "there is an average, but the task keeps none");
        check(!out.average == !keeps_average && !safe.average == !keeps_average,
              "out and safe must have an average where the task keeps one, and only there");
        const Pointers from(state, spec, *this), to(out, spec, *this), back(safe, spec, *this);

        const Buffer record_array(records, "records", true);
        TrainTask task = task_of(asked, position, epochs);
        const Index steps = epochs * asked.batches();
        read_schedules(schedules, steps, task);
        task.records = reinterpret_cast<EpochRecord*>(record_array.vector<double>(Kind::float64, 4 * epochs));
        task.starts_average = keeps_average && !state.average;
        task.interrupted = check_signals ? interrupted : nullptr;
        Buffers read = asked.examples.buffers(), written{&record_array};
        read.insert(read.end(), {asked.rate_factors.get(), &schedules.rates.buffer, &schedules.decays.buffer,
                                 schedules.layers.get()});
        state.add_to(read), out.add_to(written), safe.add_to(written);
        check_apart(written, read);
        threads = training_threads(threads, asked.batch_size, static_cast<double>(steps));
        {
            const ExclusiveCall call(state_);
            const Index rows = asked.examples.rows();
            const bool shuffles = task.shuffle && task.batch_size < rows;
            std::vector<std::uint32_t> order(shuffles ? 4 * static_cast<std::size_t>(rows) : 0);
            task.order = order.data();
            task.keys = order.data() + order.size() / 2;
            void* run = training_run(spec);
            entries_.load(run, {from.parameters, from.slots, from.statistics, rate_factors});
            entries_.train(run, task, threads);
            entries_.unload(run, {to.parameters, to.slots, to.statistics});
            if (task.safe.epoch >= 0) entries_.unload_safe(run, {back.parameters, back.slots, back.statistics});
        }
        if (PyErr_Occurred()) throw nb::python_error();
        constexpr const char* stops[] = {"", "interrupted", "not_finite"};
        TrainResult result{stops[static_cast<int>(task.stop)], task.finished, task.position, std::nullopt};
        if (task.safe.epoch >= 0) result.safe = task.safe;
        return result;
    }

private:
    // The vectors of a state, checked. The average is the slot behind the optimizer's; where it begins, the parameters.
    struct Pointers {
        Pointers(const VectorsRecord& vectors, const ProgramSpec& spec, const NativeProgram& of)
            : parameters(of.parameters_in(vectors.parameters)), statistics(of.statistics_in(vectors.statistics)) {
            check(static_cast<int>(vectors.slots.size()) == of.program_.core().slot_count(spec.optimizer.code),
                  "slots must be as many as the optimizer has");
            int count = 0;
            for (const auto& slot : vectors.slots) slots[count++] = of.parameters_in(*slot);
            if (spec.options.average >= 0.0)
                slots[count] = vectors.average ? of.parameters_in(*vectors.average) : parameters;
        }

        T* parameters;
        T* slots[most_slots];
        double* statistics;
    };

    double* statistics_in(const Buffer& buffer) const {
        return buffer.vector<double>(Kind::float64, program_.spec().statistic_count);
    }
    T* parameters_in(const Buffer& buffer) const {
        return buffer.vector<T>(kind_of<T>, program_.spec().parameter_count);
    }

    void check_fit(const ExamplesRecord& examples) const {
        const ProgramSpec& spec = program_.spec();
        check(examples.columns == spec.positions * spec.inputs && examples.positions == spec.output_positions &&
                  examples.outputs == spec.outputs,
              "the examples were made for a program of another shape");
    }

    ProgramSpec with_loss(const PartRecord& loss, const std::optional<PartRecord>& penalty) const {
        ProgramSpec spec = program_.spec();
        const Core& core = program_.core();
        spec.loss = part_spec(loss, core.find_loss, "loss");
        if (penalty) spec.penalty = part_spec(*penalty, core.find_penalty, "penalty");
        check(loss.kernel != "quantile" || static_cast<Index>(loss.numbers.size()) == spec.outputs,
              "quantile needs a level for each output");
        return spec;
    }

    static TrainTask task_of(const TrainTaskRecord& asked, const TrainingPosition& position, Index epochs) {
        Index steps = 0, last = 0;
        check(epochs >= 0 && epochs <= std::numeric_limits<Index>::max() / 4 &&
                  !__builtin_mul_overflow(epochs, asked.batches(), &steps) &&
                  !__builtin_add_overflow(position.epoch, epochs, &last) &&
                  !__builtin_add_overflow(position.step, steps, &last),
              "too many epochs or steps, or fewer than none");
        check(position.batch <= asked.batches(), "batch must be at most the number of batches");
        TrainTask task{};
        task.examples = asked.examples.examples();
        task.batch_size = asked.batch_size;
        task.shuffle = asked.shuffle;
        task.seed = asked.seed;
        task.penalty_per_example = asked.penalty_per_example;
        task.penalty_in_loss = asked.penalty_in_loss;
        task.position = position;
        task.epochs = epochs;
        task.safe.epoch = -1;
        return task;
    }

    void read_schedules(const SchedulesRecord& schedules, Index steps, TrainTask& task) const {
        const auto numbers_of = [&](const SchedulesRecord::Vector& vector, bool& constant) {
            constant = vector.count == 1;
            check(constant || vector.count == steps, "rates and decays must have a number for each step, or one alone");
            return vector.numbers;
        };
        task.rates = numbers_of(schedules.rates, task.constant_rate);
        task.decays = numbers_of(schedules.decays, task.constant_decay);
        task.scheduled_width = program_.scheduled_width();
        if (task.scheduled_width == 0) return;
        Index count = 0;
        check(schedules.layers && !__builtin_mul_overflow(steps, task.scheduled_width, &count),
              "a network whose layers follow schedules needs their numbers at each step");
        task.scheduled = schedules.layers->vector<double>(Kind::float64, count);
        check(is_finite(task.scheduled, count), "the numbers of layers at each step must be finite");
        program_.check_scheduled(task.scheduled, steps);
    }

    int training_threads(int asked, Index rows, double steps) const {
        const Index most = std::max<Index>(program_.most_positions() > 1 ? 16384 / program_.most_positions() : 1024, 1);
        const double piece = 3.0 * program_.work_of_row() * static_cast<double>(std::min(rows, most));
        return choose_threads(asked, piece, piece * steps);
    }

    // The run for these parts: the last one where nothing has changed.
    void* training_run(const ProgramSpec& spec) {
        CallState& state = *state_;
        if (!state.training_run || !same_parts(spec, state.training_spec)) {
            state.training_run = nullptr;
            state.training_run = state.training.lay_out(entries_, spec);
            state.training_spec = spec;
        }
        return state.training_run;
    }

    CheckedProgram program_;
    const Entries<T>& entries_;
    std::unique_ptr<CallState> state_ = std::make_unique<CallState>();
};

}  // namespace pellucid
