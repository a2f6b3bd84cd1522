// The entry points of a core: scores, the gradient of one batch, and whole epochs of training.
//
// Contract. See `Entries` in core.hpp. Every function sets the treatment of denormals on each thread it runs on, and
// restores it. All parts of the team walk the same steps and make the same decisions.
#pragma once

#include "run.hpp"

namespace pellucid::PELLUCID_ISA {

constexpr Index prediction_rows = 64;  // a piece of inputs and the weights of a layer fit the cache together

template <typename T> struct ScoresJob {
    void* const* runs;  // one for each part
    const Source* x;
    T* out;
    Index next;  // the first row that nobody has taken yet
};

// Pieces of rows, taken by whoever is free: a part waits for nobody, and each row is computed by one part alone.
template <typename T> inline void scores_part(void* context, Team*, int part, int) {
    const FlushDenormals flush;
    ScoresJob<T>& job = *static_cast<ScoresJob<T>*>(context);
    const Run<T>& run = *static_cast<const Run<T>*>(job.runs[part]);
    const Index outputs = run.spec.outputs, most = smaller_of(run.rows, prediction_rows);
    for (;;) {
        const Index first = __atomic_fetch_add(&job.next, most, __ATOMIC_RELAXED);
        if (first >= job.x->rows) return;
        const Index rows = smaller_of(most, job.x->rows - first);
        const Work<T> work{nullptr, 0, 1, rows, first, false, 0, 0, nullptr, {}};
        gather<T>(*job.x, {nullptr, first, 0, rows}, run.input, run.spec.positions, scaling_of(run));
        forward(run, work);
        T* out = job.out + first * run.spec.output_positions * outputs;
        for (Index row = 0; row < rows * run.spec.output_positions; ++row)
            for (Index j = 0; j < outputs; ++j)
                out[row * outputs + j] = run.scores.at(j / panel<T>, row)[j % panel<T>];
    }
}

// On as many threads as there are runs. Parameters and statistics are those of the first run.
template <typename T> inline void scores(void* const* runs, int count, const Source& x, T* out) {
    const Run<T>& loaded = *static_cast<Run<T>*>(runs[0]);
    for (int part = 1; part < count; ++part)
        for (Index l = 0; l < loaded.layer_count; ++l) {
            Layer<T>& layer = static_cast<Run<T>*>(runs[part])->layers[l];
            layer.weights = loaded.layers[l].weights;
            layer.running = loaded.layers[l].running;
        }
    ScoresJob<T> job{runs, &x, out, 0};
    run_in_team(count, scores_part<T>, &job);
}

// What the scores of some rows weigh together, at all their positions.
inline double weight_of(const ProgramSpec& spec, const Examples& examples, const std::uint32_t* order, Index first,
                        Index rows) {
    if (!examples.weights) return static_cast<double>(rows * spec.output_positions);
    double sum = 0.0;
    for (Index i = first; i < first + rows; ++i) sum += examples.weights[order ? static_cast<Index>(order[i]) : i];
    return sum * static_cast<double>(spec.output_positions);
}

template <typename T> struct GradientJob {
    const Run<T>* run;
    const Examples* examples;
    double loss;
};

template <typename T> inline void gradient_part(void* context, Team* team, int part, int parts) {
    const FlushDenormals flush;
    GradientJob<T>& job = *static_cast<GradientJob<T>*>(context);
    const Run<T>& run = *job.run;
    const Examples& examples = *job.examples;
    const double total = weight_of(run.spec, examples, nullptr, 0, examples.x.rows);
    double sum = 0.0;
    for (Index first = 0; first < examples.x.rows; first += run.rows) {
        const Work<T> work{team,  part, parts, smaller_of(run.rows, examples.x.rows - first), first, false, 0, 0,
                           nullptr, {}};
        gather_examples<T>(run, work, examples, nullptr, first, total);
        work.meet();
        transpose_examples<T>(run, work, examples);
        forward(run, work);
        sum += evaluate_loss<T>(run, work, examples).loss;
        backward(run, work);
    }
    const Work<T> work{team, part, parts, 0, 0, false, 0, 0, nullptr, {}};
    if (run.update.penalty)
        for_units<T>(run, work, [&](Index, Index start, Index count, bool penalized) {
            if (penalized)
                run.update.penalty->add_gradient(run.spec.penalty.numbers, run.update.vectors.weights + start,
                                                 run.update.gradient + start, count);
        });
    if (part == 0) job.loss = (total > 0.0 ? sum / total : 0.0) + penalty_value(run, run.spec.penalty.numbers);
}

template <typename T> inline double gradient(void* run_, const Examples& examples, T* out, int threads) {
    const Run<T>& run = *static_cast<Run<T>*>(run_);
    GradientJob<T> job{&run, &examples, 0.0};
    run_in_team(threads, gradient_part<T>, &job);
    unpack<T>(run, run.update.gradient, out);
    return job.loss;
}

// Why all parts leave the steps early. Another number of threads goes on with the same bits.
enum class Signal : int { none, interrupted, contended, idle };

template <typename T> struct TrainJob {
    Run<T>* run;
    TrainTask* task;
    std::uint32_t* order;  // null: as the rows lie
    double began;          // when the epoch began
    int signal;            // written by part 0 before a meeting, read by all after it
    double asked;          // when part 0 last asked for interrupts
    double watched, waited;  // when part 0 last looked how long it had been waiting, and what it saw
    double alone_until;    // for one thread instead of a team: when to try the team again; 0: never
};

// Half the tenth of a second in which an interrupt is to be honoured.
constexpr double seconds_between_questions = 0.05;
// A team that waits for more than half of such a time is slower than one thread.
constexpr double seconds_between_looks = 0.005;

template <typename T> inline void watch(TrainJob<T>& job, const Team* team, int part) {
    if (part != 0) return;
    const double time = now();
    Signal signal = Signal::none;
    if (job.alone_until > 0.0 && time > job.alone_until) signal = Signal::idle;
    if (team && time - job.watched > seconds_between_looks) {
        const double waited = seconds_waiting(team);
        if (waited - job.waited > 0.5 * (time - job.watched)) signal = Signal::contended;
        job.watched = time;
        job.waited = waited;
    }
    if (job.task->interrupted && time - job.asked > seconds_between_questions) {
        job.asked = time;
        if (job.task->interrupted()) signal = Signal::interrupted;
    }
    if (signal != Signal::none) __atomic_store_n(&job.signal, static_cast<int>(signal), __ATOMIC_RELAXED);
}

template <typename T> inline void keep_safe(const Run<T>& run, const Work<T>& work) {
    const Range mine = share(run.packed_count / panel<T>, work.part, work.parts);
    const std::size_t bytes = static_cast<std::size_t>((mine.end - mine.begin) * panel<T>) * sizeof(T);
    const Index start = mine.begin * panel<T>;
    __builtin_memcpy(run.safe_weights + start, run.update.vectors.weights + start, bytes);
    for (int s = 0; s < run.slots; ++s)
        __builtin_memcpy(run.safe_slots[s] + start, run.update.vectors.slots[s] + start, bytes);
    if (work.part == 0) copy_statistics(run.statistics, run.safe_statistics, run.spec.statistic_count);
}

enum class Step { made, left, not_finite };

// The rows of a step, and what they weigh together.
struct Batch {
    Index begin, rows;
    double total;
};

template <typename T> inline Batch batch_at(const TrainJob<T>& job, Index number) {
    const TrainTask& task = *job.task;
    const Index begin = number * task.batch_size;
    const Index rows = smaller_of(task.batch_size, task.examples.x.rows - begin);
    return {begin, rows, weight_of(job.run->spec, task.examples, job.order, begin, rows)};
}

// One step, in pieces where the batch is large. Nothing is changed unless it is made.
template <typename T>
inline Step make_step(TrainJob<T>& job, const Update<T>& update, const Batch& batch, TrainingPosition& position,
                      TrainingPosition& safe, Team* team, int part, int parts) {
    const Run<T>& run = *job.run;
    const TrainTask& task = *job.task;
    const auto [begin, rows, total] = batch;
    const bool single = rows <= run.rows, at_once = single && update.at_once();
    const Index next = smaller_of(task.batch_size, task.examples.x.rows - begin - rows);
    const double* scheduled =
        task.scheduled ? task.scheduled + (position.step - task.first_step) * task.scheduled_width : nullptr;
    Sums sums{};
    double priced = 0.0;
    for (Index first = 0; first < rows; first += run.rows) {
        const Work<T> work{team, part, parts, smaller_of(run.rows, rows - first), first, true, task.seed,
                           static_cast<std::uint64_t>(position.step), at_once ? &update : nullptr,
                           {&task.examples.x, job.order, begin + rows, single ? next : 0}, scheduled};
        // A data set that is one piece stays gathered from one step to the next.
        const bool fresh = position.step == task.position.step || rows < task.examples.x.rows || !single;
        if (fresh) gather_examples<T>(run, work, task.examples, job.order, begin + first, total);
        watch(job, team, part);
        work.meet();
        if (__atomic_load_n(&job.signal, __ATOMIC_RELAXED) != 0) return Step::left;
        if (fresh) transpose_examples<T>(run, work, task.examples);
        forward(run, work);
        const Sums piece = evaluate_loss<T>(run, work, task.examples);
        sums.loss += piece.loss;
        sums.correct += piece.correct;
        if (!__builtin_isfinite(total > 0.0 ? sums.loss / total : 0.0)) return Step::not_finite;
        if (position.batch == 0 && first + run.rows >= rows) {
            keep_safe(run, work);
            work.meet();
            safe = position;
        }
        // Part 0 alone writes the sums down. Until all meet in `backward`, nobody changes a weight.
        if (task.penalty_in_loss && part == 0 && first == 0)
            priced = total * penalty_value(run, update.penalty_now);
        backward(run, work);
    }
    if (!at_once) finish_step<T>(run, {team, part, parts, 0, 0, true, 0, 0, nullptr, {}}, update);
    ++position.batch;
    ++position.step;
    position.loss_sum += (total > 0.0 ? sums.loss : 0.0) + priced;
    position.weight_sum += total;
    position.correct_sum += sums.correct;
    return Step::made;
}

// From task.position on, until the epochs are done or all parts leave; part 0 writes down how far they came.
template <typename T> inline void train_part(void* context, Team* team, int part, int parts) {
    const FlushDenormals flush;
    TrainJob<T>& job = *static_cast<TrainJob<T>*>(context);
    TrainTask& task = *job.task;
    Update<T> update = job.run->update;
    TrainingPosition position = task.position, safe = task.safe;
    const Index batches = ceiling(task.examples.x.rows, task.batch_size), first = task.finished - position.epoch;
    if (part == 0) job.watched = now(), job.waited = seconds_waiting(team);
    Step step = Step::made;
    while (position.epoch + first < task.epochs) {
        if (job.order) {
            if (part == 0)
                permutation({task.seed, Purpose::shuffle, 0, static_cast<std::uint64_t>(position.epoch)},
                            task.examples.x.rows, job.order, task.keys);
            pellucid::meet(team, part);
        }
        while (position.batch < batches) {
            const Index number = position.step - task.first_step;  // of the step, in this call
            const double rate = task.rates[task.constant_rate ? 0 : number];
            const double weight_decay = task.decays[task.constant_decay ? 0 : number];
            const Batch batch = batch_at(job, position.batch);
            const double per_weight = batch.total > 0.0 ? 1.0 / batch.total : 0.0;
            update.prepare(job.run->spec.optimizer.numbers, rate, weight_decay, static_cast<double>(position.step),
                           task.starts_average && number == 0,
                           task.penalty_per_example ? per_weight : 1.0);
            step = make_step<T>(job, update, batch, position, safe, team, part, parts);
            if (step != Step::made) break;
        }
        if (step != Step::made) break;
        if (part == 0) {
            const double time = now();
            task.records[position.epoch + first] = {position.loss_sum, position.weight_sum, position.correct_sum,
                                                  time - job.began};
            job.began = time;
        }
        position = {position.epoch + 1, 0, position.step, 0.0, 0.0, 0.0};
    }
    pellucid::meet(team, part);  // all have read where they began, and made their copies
    if (part != 0) return;
    __builtin_memcpy(job.run->update.memory, update.memory, sizeof update.memory);
    task.finished = position.epoch + first;
    task.position = position;
    task.safe = safe;
    task.stop = step == Step::not_finite ? Stop::not_finite : step == Step::left ? Stop::interrupted : Stop::finished;
}

// A team whose cores are taken by others gives way to one thread, for a tenth of a second at first, then for longer.
template <typename T> inline void train(void* run, TrainTask& task, int threads) {
    const bool shuffled = task.shuffle && task.batch_size < task.examples.x.rows;
    const double time = now();
    TrainJob<T> job{static_cast<Run<T>*>(run), &task, shuffled ? task.order : nullptr, time, 0, time, time, 0.0, 0.0};
    task.finished = 0;
    task.first_step = task.position.step;
    for (double rest = 0.1;;) {
        run_in_team(job.alone_until > 0.0 ? 1 : threads, train_part<T>, &job);
        const Signal signal = static_cast<Signal>(job.signal);
        if (task.stop != Stop::interrupted || signal == Signal::interrupted) return;
        job.signal = 0;
        job.alone_until = signal == Signal::contended ? now() + rest : 0.0;
        if (signal == Signal::contended && rest < 2.0) rest *= 2.0;
    }
}

}  // namespace pellucid::PELLUCID_ISA
