// One core: everything below, compiled for one instruction set, in a namespace of its own (see simd.hpp).

#include "train.hpp"

namespace pellucid::PELLUCID_ISA {

namespace {

template <typename Row, std::size_t count> int find(const Row (&table)[count], const char* name) {
    for (std::size_t row = 0; row < count; ++row)
        if (__builtin_strcmp(table[row].name, name) == 0) return static_cast<int>(row);
    return -1;
}

template <typename T>
constexpr Entries<T> entries{lay_out<T>,     load<T>,   load_statistics<T>, unload<T>,
                             unload_safe<T>, scores<T>, gradient<T>,        train<T>};

#define PELLUCID_TEXT_OF(name) #name
#define PELLUCID_TEXT(name) PELLUCID_TEXT_OF(name)

}  // namespace

extern const Core core;
const Core core{
    .name = PELLUCID_TEXT(PELLUCID_ISA),
    .find_layer = [](const char* name) { return find(layer_table<float>, name); },
    .find_loss = [](const char* name) { return find(loss_table<float>, name); },
    .find_penalty = [](const char* name) { return find(penalty_table<float>, name); },
    .find_optimizer = [](const char* name) { return find(optimizer_table<float>, name); },
    .traits =
        [](int layer) {
            const LayerCode<float>& code = layer_table<float>[layer];
            return LayerTraits{.in_place = code.in_place,
                               .reads_input = code.reads_input,
                               .reads_output = code.reads_output,
                               .joins = code.joins,
                               .scheduled_numbers = code.scheduled_numbers};
        },
    .check_layer = [](const LayerSpec& spec) { return check_layer(layer_table<float>[spec.code], spec); },
    .check_numbers = [](int layer, const double* numbers) { return layer_table<float>[layer].check_numbers(numbers); },
    .slot_count = [](int optimizer) { return optimizer_table<float>[optimizer].slots; },
    .float32 = entries<float>,
    .float64 = entries<double>,
};

}  // namespace pellucid::PELLUCID_ISA
