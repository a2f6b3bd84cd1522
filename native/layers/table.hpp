// The instruction table: a line for each layer, by the name its Python `kernel()` gives.
#pragma once

#include "activations.hpp"
#include "dense.hpp"
#include "dropout.hpp"
#include "scaling.hpp"

namespace pellucid::PELLUCID_ISA {

// name, in place, backward reads input, output
template <typename T>
constexpr LayerCode<T> layer_table[] = {
    {"dense", false, true, false, dense_lay_out<T>, dense_forward<T>, dense_backward<T>},
    {"identity", true, false, false, no_parameters<T>, identity_forward<T>, identity_backward<T>},
    {"relu", true, false, true, no_parameters<T>, relu_forward<T>, relu_backward<T>},
    {"sigmoid", true, false, true, no_parameters<T>, sigmoid_forward<T>, sigmoid_backward<T>},
    {"tanh", true, false, true, no_parameters<T>, tanh_forward<T>, tanh_backward<T>},
    {"softmax", true, false, true, no_parameters<T>, softmax_forward<T>, softmax_backward<T>},
    {"dropout", true, false, false, dropout_lay_out<T>, dropout_forward<T>, dropout_backward<T>},
    {"standardize", true, false, false, standardize_lay_out<T>, standardize_forward<T>, standardize_backward<T>},
    {"rescale", true, false, false, no_parameters<T>, rescale_forward<T>, rescale_backward<T>},
};

}  // namespace pellucid::PELLUCID_ISA
