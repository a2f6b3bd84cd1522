// The instruction table: a line for each layer, by the name its Python `kernel()` gives.
#pragma once

#include "activations.hpp"
#include "dense.hpp"
#include "dropout.hpp"
#include "maxout.hpp"
#include "noise.hpp"
#include "normalization.hpp"
#include "prelu.hpp"
#include "rectifiers.hpp"
#include "scaling.hpp"

namespace pellucid::PELLUCID_ISA {

// name, in place, backward reads input, output, …, needs the whole batch, turns
template <typename T>
constexpr LayerCode<T> layer_table[] = {
    {"dense", false, true, false, dense_lay_out<T>, dense_forward<T>, dense_backward<T>, false, true},
    {"maxout", false, true, false, maxout_lay_out<T>, maxout_forward<T>, maxout_backward<T>},
    {"identity", true, false, false, no_parameters<T>, identity_forward<T>, identity_backward<T>, false, true},
    {"relu", true, false, true, no_parameters<T>, relu_forward<T>, relu_backward<T>, false, true},
    {"sigmoid", true, false, true, no_parameters<T>, sigmoid_forward<T>, sigmoid_backward<T>, false, true},
    {"tanh", true, false, true, no_parameters<T>, tanh_forward<T>, tanh_backward<T>, false, true},
    {"hard_tanh", true, false, true, no_parameters<T>, hard_tanh_forward<T>, hard_tanh_backward<T>, false, true},
    {"softsign", true, false, true, no_parameters<T>, softsign_forward<T>, softsign_backward<T>, false, true},
    {"leaky_relu", true, true, false, no_parameters<T>, leaky_relu_forward<T>, leaky_relu_backward<T>, false, true},
    {"prelu", true, true, false, prelu_lay_out<T>, prelu_forward<T>, prelu_backward<T>},
    {"elu", true, false, true, no_parameters<T>, elu_forward<T>, elu_backward<T>, false, true},
    {"gelu", true, true, false, no_parameters<T>, gelu_forward<T>, gelu_backward<T>, false, true},
    {"gelu_tanh", true, true, false, no_parameters<T>, gelu_tanh_forward<T>, gelu_tanh_backward<T>, false, true},
    {"silu", true, true, false, no_parameters<T>, silu_forward<T>, silu_backward<T>, false, true},
    {"mish", true, true, false, no_parameters<T>, mish_forward<T>, mish_backward<T>, false, true},
    {"softplus", true, true, false, no_parameters<T>, softplus_forward<T>, softplus_backward<T>, false, true},
    {"softmax", true, false, true, no_parameters<T>, softmax_forward<T>, softmax_backward<T>},
    {"dropout", true, false, false, dropout_lay_out<T>, dropout_forward<T>, dropout_backward<T>},
    {"gaussian_noise", true, false, false, no_parameters<T>, gaussian_noise_forward<T>, identity_backward<T>},
    {"batch_normalization", true, true, false, batch_normalization_lay_out<T>, batch_normalization_forward<T>,
     batch_normalization_backward<T>, true},
    {"layer_normalization", false, true, false, layer_normalization_lay_out<T>, layer_normalization_forward<T>,
     layer_normalization_backward<T>},
    {"standardize", true, false, false, standardize_lay_out<T>, standardize_forward<T>, standardize_backward<T>},
    {"robust_scale", true, true, false, standardize_lay_out<T>, robust_scale_forward<T>, robust_scale_backward<T>},
    {"rescale", true, false, false, no_parameters<T>, rescale_forward<T>, rescale_backward<T>, false, true},
};

}  // namespace pellucid::PELLUCID_ISA
