// The binding: pellucid._native. See src/pellucid/engines/native.py for how it is used.

#include "native_program.hpp"

namespace pellucid {

namespace {

using namespace nb::literals;

// A record made by a function.
template <typename Record, typename... Arguments> auto made_by(Record (*make)(Arguments...)) {
    return [make](Record* self, Arguments... arguments) { new (self) Record(make(arguments...)); };
}

void bind_program_records(nb::module_& module) {
    nb::class_<ParameterSpec>(module, "Parameter")
        .def("__init__", made_by(make_parameter), "start"_a, "rows"_a, "columns"_a, "penalized"_a)
        .def_ro("start", &ParameterSpec::start)
        .def_ro("rows", &ParameterSpec::rows)
        .def_ro("columns", &ParameterSpec::columns)
        .def_ro("penalized", &ParameterSpec::penalized);
    nb::class_<LayerRecord>(module, "Layer")
        .def(nb::init<std::string, Index, Index, Index, Index, Index, std::vector<Index>, std::vector<double>,
                      std::vector<ParameterSpec>, std::vector<Index>, bool>(),
             "kernel"_a, "index"_a, "inputs"_a, "outputs"_a, "positions"_a, "output_positions"_a, "sources"_a,
             "numbers"_a, "parameters"_a, "statistics"_a, "scheduled"_a)
        .def_ro("kernel", &LayerRecord::kernel)
        .def_ro("index", &LayerRecord::index)
        .def_ro("inputs", &LayerRecord::inputs)
        .def_ro("outputs", &LayerRecord::outputs)
        .def_ro("positions", &LayerRecord::positions)
        .def_ro("output_positions", &LayerRecord::output_positions)
        .def_ro("sources", &LayerRecord::sources)
        .def_ro("numbers", &LayerRecord::numbers)
        .def_ro("parameters", &LayerRecord::parameters)
        .def_ro("statistics", &LayerRecord::statistics)
        .def_ro("scheduled", &LayerRecord::scheduled);
    nb::class_<ScalingRecord>(module, "Scaling")
        .def(nb::init<std::vector<double>, std::vector<double>, std::vector<double>, double>(), "mean"_a, "scale"_a,
             "offset"_a, "limit"_a)
        .def_ro("mean", &ScalingRecord::mean)
        .def_ro("scale", &ScalingRecord::scale)
        .def_ro("offset", &ScalingRecord::offset)
        .def_ro("limit", &ScalingRecord::limit);
}

void bind_task_records(nb::module_& module) {
    nb::class_<PartRecord>(module, "Part")
        .def(nb::init<std::string, std::vector<double>>(), "kernel"_a, "numbers"_a)
        .def_ro("kernel", &PartRecord::kernel)
        .def_ro("numbers", &PartRecord::numbers);
    nb::class_<UpdateOptions>(module, "UpdateOptions")
        .def("__init__", made_by(make_update_options), "clip_value"_a, "clip_norm"_a, "max_norm"_a, "average"_a.none())
        .def_ro("clip_value", &UpdateOptions::clip_value)
        .def_ro("clip_norm", &UpdateOptions::clip_norm)
        .def_ro("max_norm", &UpdateOptions::max_norm)
        .def_prop_ro("average", [](const UpdateOptions& options) {
            return options.average < 0.0 ? std::nullopt : std::optional(options.average);
        });
    nb::class_<TrainingPosition>(module, "TrainingPosition")
        .def("__init__", made_by(make_position), "epoch"_a, "batch"_a, "step"_a, "loss_sum"_a, "weight_sum"_a,
             "correct_sum"_a)
        .def_ro("epoch", &TrainingPosition::epoch)
        .def_ro("batch", &TrainingPosition::batch)
        .def_ro("step", &TrainingPosition::step)
        .def_ro("loss_sum", &TrainingPosition::loss_sum)
        .def_ro("weight_sum", &TrainingPosition::weight_sum)
        .def_ro("correct_sum", &TrainingPosition::correct_sum);
    nb::class_<ExamplesRecord>(module, "Examples")
        .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, Index, Index, Index>(), "x"_a,
             "classes"_a.none(), "targets"_a.none(), "sample_weight"_a.none(), "columns"_a, "positions"_a, "outputs"_a)
        .def_ro("columns", &ExamplesRecord::columns)
        .def_ro("positions", &ExamplesRecord::positions)
        .def_ro("outputs", &ExamplesRecord::outputs);
    nb::class_<VectorsRecord>(module, "Vectors")
        .def(nb::init<nb::handle, const std::vector<nb::object>&, nb::handle, nb::handle, bool>(), "parameters"_a,
             "slots"_a, "average"_a.none(), "statistics"_a, "writable"_a)
        .def_ro("writable", &VectorsRecord::is_writable);
    nb::class_<SchedulesRecord>(module, "Schedules")
        .def(nb::init<nb::handle, nb::handle, nb::handle>(), "rates"_a, "decays"_a, "layers"_a.none());
    nb::class_<TrainTaskRecord>(module, "TrainTask")
        .def(nb::init<const ExamplesRecord&, PartRecord, std::optional<PartRecord>, PartRecord, UpdateOptions,
                      const std::string&, nb::handle, Index, bool, std::uint64_t, bool, bool>(),
             "examples"_a, "loss"_a, "penalty"_a.none(), "optimizer"_a, "options"_a, "link"_a, "rate_factors"_a.none(),
             "batch_size"_a, "shuffle"_a, "seed"_a, "penalty_per_example"_a, "penalty_in_loss"_a,
             nb::keep_alive<1, 2>())
        .def_ro("batch_size", &TrainTaskRecord::batch_size);
    nb::class_<TrainResult>(module, "TrainResult")
        .def_ro("stopped", &TrainResult::stopped)
        .def_ro("finished", &TrainResult::finished)
        .def_ro("position", &TrainResult::position)
        .def_ro("safe", &TrainResult::safe);
}

template <typename T> void bind_program(nb::module_& module, const char* name) {
    using P = NativeProgram<T>;
    nb::class_<P>(module, name)
        .def(nb::init<Index, Index, Index, Index, std::vector<LayerRecord>, std::vector<double>,
                      std::optional<ScalingRecord>>(),
             "inputs"_a, "positions"_a, "outputs"_a, "parameter_count"_a, "layers"_a, "statistics"_a,
             "scaling"_a.none())
        .def("scores", &P::scores, "parameters"_a, "statistics"_a, "x"_a, "out"_a, "threads"_a)
        .def("gradient", &P::gradient, "parameters"_a, "statistics"_a, "loss"_a, "penalty"_a.none(), "examples"_a,
             "out"_a, "threads"_a)
        .def("train", &P::train, "task"_a, "state"_a, "position"_a, "schedules"_a, "epochs"_a, "out"_a, "safe"_a,
             "records"_a, "check_signals"_a, "threads"_a);
}

}  // namespace

}  // namespace pellucid

NB_MODULE(_native, module) {
    using namespace pellucid;
    module.doc() = "The native engine's core. Use it through pellucid.engines.native.";
    module.attr("isa") = best_core().name;
    module.attr("compiler") = __VERSION__;
    module.attr("most_numbers") = most_numbers;
    module.def("has_layer", [](const std::string& name) { return best_core().find_layer(name.c_str()) >= 0; });
    module.def("has_loss", [](const std::string& name) { return best_core().find_loss(name.c_str()) >= 0; });
    module.def("has_penalty", [](const std::string& name) { return best_core().find_penalty(name.c_str()) >= 0; });
    module.def("has_optimizer", [](const std::string& name) { return best_core().find_optimizer(name.c_str()) >= 0; });
    bind_program_records(module);
    bind_task_records(module);
    bind_program<float>(module, "NativeProgram32");
    bind_program<double>(module, "NativeProgram64");
}
