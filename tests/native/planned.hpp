// Plans the matrices of a program as the binding does.
//
// Contract. Compiled once and for every machine, since plan.hpp uses templates of the standard library. What is planned
// holds until the next call.
#pragma once

#include "core.hpp"

namespace pellucid {

void plan_matrices(ProgramSpec& spec, LayerSpec* layers, const Core& core);

}  // namespace pellucid
