// The instruction table: a line for each layer, by the name its Python `kernel()` gives.
#pragma once

#include "activations.hpp"
#include "dense.hpp"
#include "dropout.hpp"
#include "embedding.hpp"
#include "joins.hpp"
#include "maxout.hpp"
#include "noise.hpp"
#include "normalization.hpp"
#include "parametric.hpp"
#include "periodic.hpp"
#include "prelu.hpp"
#include "rectifiers.hpp"
#include "scale.hpp"
#include "reshape.hpp"
#include "scaling.hpp"

namespace pellucid::PELLUCID_ISA {

// name, in place, backward reads input, output, …, needs the whole batch, turns, joins
template <typename T>
constexpr LayerCode<T> layer_table[] = {
    {"dense", false, true, false, dense_lay_out<T>, dense_forward<T>, dense_backward<T>, false, true},
    {"dense_ntk", false, true, false, dense_ntk_lay_out<T>, dense_ntk_forward<T>, dense_ntk_backward<T>},
    {"maxout", false, true, false, maxout_lay_out<T>, maxout_forward<T>, maxout_backward<T>},
    {"identity", true, false, false, no_parameters<T>, identity_forward<T>, identity_backward<T>, false, true},
    activation<Relu, T>("relu"),
    activation<Sigmoid, T>("sigmoid"),
    activation<Tanh, T>("tanh"),
    activation<HardTanh, T>("hard_tanh"),
    activation<Softsign, T>("softsign"),
    activation<LeakyRelu, T>("leaky_relu"),
    {"prelu", true, true, false, prelu_lay_out<T>, prelu_forward<T>, prelu_backward<T>},
    activation<Elu, T>("elu"),
    activation<Gelu, T>("gelu"),
    activation<GeluTanh, T>("gelu_tanh"),
    activation<Silu, T>("silu"),
    activation<Mish, T>("mish"),
    activation<Softplus, T>("softplus"),
    parametric<Relu, T>("parametric_relu"),
    parametric<Sigmoid, T>("parametric_sigmoid"),
    parametric<Tanh, T>("parametric_tanh"),
    parametric<HardTanh, T>("parametric_hard_tanh"),
    parametric<Softsign, T>("parametric_softsign"),
    parametric<LeakyRelu, T>("parametric_leaky_relu"),
    parametric<Elu, T>("parametric_elu"),
    parametric<Gelu, T>("parametric_gelu"),
    parametric<Silu, T>("parametric_silu"),
    parametric<Mish, T>("parametric_mish"),
    parametric<Softplus, T>("parametric_softplus"),
    {"periodic_embedding", false, true, false, periodic_lay_out<T>, periodic_forward<T>, periodic_backward<T>},
    {"embedding", false, true, false, embedding_lay_out<T>, embedding_forward<T>, embedding_backward<T>},
    {"softmax", true, false, true, no_parameters<T>, softmax_forward<T>, softmax_backward<T>},
    {"reshape", false, false, false, no_parameters<T>, reshape_forward<T>, reshape_backward<T>},
    {"add", false, false, false, no_parameters<T>, add_forward<T>, add_backward<T>, false, false, true},
    {"concatenate", false, false, false, no_parameters<T>, concatenate_forward<T>, concatenate_backward<T>, false, false,
     true},
    {"dropout", true, false, false, dropout_lay_out<T>, dropout_forward<T>, dropout_backward<T>},
    {"gaussian_noise", true, false, false, no_parameters<T>, gaussian_noise_forward<T>, identity_backward<T>},
    {"batch_normalization", true, true, false, batch_normalization_lay_out<T>, batch_normalization_forward<T>,
     batch_normalization_backward<T>, true},
    {"layer_normalization", false, true, false, layer_normalization_lay_out<T>, layer_normalization_forward<T>,
     layer_normalization_backward<T>},
    {"standardize", true, false, false, standardize_lay_out<T>, standardize_forward<T>, standardize_backward<T>},
    {"robust_scale", true, true, false, standardize_lay_out<T>, robust_scale_forward<T>, robust_scale_backward<T>},
    {"scale", true, true, false, scale_lay_out<T>, scale_forward<T>, scale_backward<T>},
    {"rescale", true, false, false, no_parameters<T>, rescale_forward<T>, rescale_backward<T>, false, true},
};

}  // namespace pellucid::PELLUCID_ISA
