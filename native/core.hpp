// What the binding and the compiled cores agree on: descriptions of programs, data and tasks, and the table of entry
// points that each core offers.
//
// Contract. Everything here is plain data, shared by code compiled for different instruction sets. Whoever fills in a
// description has checked it: the core trusts sizes, ranges and labels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pellucid {

using Index = std::ptrdiff_t;

constexpr int most_numbers = 32;    // hyper-parameters of a part
constexpr int most_parameters = 4;  // parameter arrays of a layer
constexpr int most_statistics = 4;
constexpr int most_slots = 4;  // three of an optimizer, and the moving average

constexpr Index largest_width = Index{1} << 28;  // of a matrix, and most numbers of an example in it
constexpr Index largest_count = Index{1} << 40;  // of parameters: no size that follows overflows, padding and all

// A matrix (rows, columns) or vector in a flat vector of parameters.
struct ParameterSpec {
    Index start, rows, columns;
    bool penalized;
};

// What a layer's code states about itself, as far as others need to know: see `LayerCode` in layers/layer.hpp.
struct LayerTraits {
    bool in_place, reads_input, reads_output, joins;
    int scheduled_numbers;
};

// A buffer that a layer reads: 0 is the input of the program, i + 1 the output of layer i. The rest is planned
// (plan.hpp): where the buffer lies, and where its gradient goes.
struct SourceSpec {
    Index buffer, width;
    Index matrix;
    Index gradient;  // the matrix that takes it; −1: it is not wanted
    Index adds_to;   // the matrix it is added to, since another layer reads the buffer, too; −1: none
};

// A matrix of activations or gradients: a row for each position of each example. Gradients share memory, one `slot`
// after the other is free again.
struct MatrixSpec {
    Index width, positions, slot;
};

// One layer of a program: row `code` of the core's layer table.
struct LayerSpec {
    int code;
    Index number;  // its place in the network: the index of its random stream
    Index inputs, outputs;  // channels
    Index positions, output_positions;
    SourceSpec* sources;
    int source_count;
    Index matrix, gradient;  // of its output, planned; no gradient (−1): nothing in front of it is trained
    const double* numbers;
    Index number_count;
    int parameter_count;
    ParameterSpec parameters[most_parameters];
    int statistic_count;
    Index statistics[most_statistics];  // where each begins in the flat vector
    Index scheduled;  // its first column in TrainTask.scheduled, which holds its numbers at each step; −1: they stay
};

// A loss, penalty or optimizer: row `code` of its table, or -1 for none.
struct PartSpec {
    int code;
    double numbers[most_numbers];
};

// Everything in a step but the optimizer itself; 0: without it. See update.hpp.
struct UpdateOptions {
    double clip_value, clip_norm;
    double max_norm;      // of each column of a weight
    double average;       // how much of the moving average stays in a step; −1: none is kept
    double rate_factors;  // 1: each parameter has a factor of its own on the rate
};

// How scores are judged for the accuracy.
enum class Link : int { identity, sigmoid, largest };

enum class Kind : int { int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64 };

// The caller's own matrix (rows, columns), any strides, in bytes.
struct Source {
    const char* data;
    Kind kind;
    Index rows, columns;
    Index row_step, column_step;
};

struct ProgramSpec {
    const LayerSpec* layers;
    Index layer_count;
    Index inputs, outputs;              // channels
    Index positions, output_positions;  // of the input, and of the scores
    const MatrixSpec* matrices;         // of activations; the first is the input
    Index matrix_count;
    const MatrixSpec* gradients;
    Index gradient_count, slot_count;
    Index score_matrix, score_gradient;
    Index parameter_count;
    // z = (x − mean)·scale + offset in double, on the way in; null: the inputs are taken as they are
    const double *mean, *scale, *offset;
    double limit;  // then z/√(1 + (z/limit)²); 0: not
    const double* statistics;
    Index statistic_count;
    PartSpec loss, penalty, optimizer;
    UpdateOptions options;
    Link link;
    Index largest_batch;
};

struct Examples {
    Source x;
    const std::int64_t* classes;  // (n · positions of the output), or null
    Source targets;               // (n, positions of the output · outputs), if there are no classes
    const double* weights;        // (n), or null
};

// Where training is: see `State` of the Python engines.
struct TrainingPosition {
    Index epoch, batch;
    std::int64_t step;
    double loss_sum, weight_sum, correct_sum;
};

struct EpochRecord {
    double loss_sum, weight_sum, correct_sum, seconds;
};

enum class Stop : int { finished, interrupted, not_finite };

struct TrainTask {
    Examples examples;
    Index batch_size;
    bool shuffle;
    std::uint64_t seed;
    const double* rates;  // of the steps of this call, or a single one for all of them
    bool constant_rate;
    const double* decays;  // of the weights, likewise
    bool constant_decay;
    const double* scheduled;  // (steps, scheduled_width): the numbers of layers that change from step to step, or null
    Index scheduled_width;
    Index epochs;
    std::uint32_t *order, *keys;  // room for 2·n numbers each, when the rows are shuffled and n > batch_size
    bool (*interrupted)();        // asked from the calling thread, some twenty times a second; null: never
    bool starts_average;    // the first step's parameters are the average so far
    bool penalty_per_example;  // the penalty is divided by the weight of each batch
    bool penalty_in_loss;      // the sums of losses hold the penalty, each batch's at its weights
    TrainingPosition position, safe;    // in and out; safe.epoch = -1: no epoch began with a finite loss
    EpochRecord* records;   // out: one for each finished epoch
    Index finished;         // out
    std::int64_t first_step;
    Stop stop;              // out
};

// Hands out parts of one allocation. Without memory it only counts, so that the same code plans and takes.
struct Arena {
    char* memory;
    std::size_t used;
    bool too_large;

    // Always inlined: no copy of it may be shared between instruction sets.
    template <typename T> [[gnu::always_inline]] T* take(Index count) {
        std::size_t bytes;
        if (count < 0 || __builtin_mul_overflow(static_cast<std::size_t>(count), sizeof(T), &bytes) ||
            __builtin_add_overflow(used, bytes + 127, &bytes) || bytes > (std::size_t{1} << 46)) {
            too_large = true;
            return nullptr;
        }
        T* place = memory ? reinterpret_cast<T*>(memory + used) : nullptr;
        used = bytes / 64 * 64;
        return place;
    }
};

// Vectors of the caller: parameters and slots (parameter_count) each, statistics (statistic_count). The slots are the
// optimizer's and, where one is kept, the moving average.
template <typename T> struct FlatVectors {
    T* parameters;
    T* const* slots;
    double* statistics;
};
template <typename T> struct FlatNumbers {
    const T* parameters;
    const T* const* slots;  // null: none
    const double* statistics;
    const T* rate_factors;  // null: none
};

// The entry points for one type of number. A `run` is a program laid out in an arena of zeros.
template <typename T> struct Entries {
    void* (*lay_out)(const ProgramSpec&, Arena&);  // the same arena twice: to count, then to take
    void (*load)(void* run, const FlatNumbers<T>& from);
    void (*load_statistics)(void* run, const double* from);
    void (*unload)(const void* run, const FlatVectors<T>& to);
    void (*unload_safe)(const void* run, const FlatVectors<T>& to);
    void (*scores)(void* const* runs, int count, const Source& x, T* out);  // on `count` threads; loaded: the first
    double (*gradient)(void* run, const Examples& examples, T* out, int threads);
    void (*train)(void* run, TrainTask& task, int threads);
};

struct Core {
    const char* name;
    int (*find_layer)(const char* name);  // the row of a name in each table, or -1
    int (*find_loss)(const char* name);
    int (*find_penalty)(const char* name);
    int (*find_optimizer)(const char* name);
    LayerTraits (*traits)(int layer);
    // What is wrong with the description of a layer, or with its numbers at a step, in words; null: nothing.
    const char* (*check_layer)(const LayerSpec&);
    const char* (*check_numbers)(int layer, const double* numbers);
    int (*slot_count)(int optimizer);
    Entries<float> float32;
    Entries<double> float64;
};

}  // namespace pellucid
