// The instruction table: the code of each layer. Others know a layer by its row.
#pragma once

#include "activations.hpp"
#include "convolution.hpp"
#include "dense.hpp"
#include "dropout.hpp"
#include "embedding.hpp"
#include "joins.hpp"
#include "maxout.hpp"
#include "noise.hpp"
#include "normalization.hpp"
#include "parametric.hpp"
#include "periodic.hpp"
#include "pooling.hpp"
#include "prelu.hpp"
#include "rectifiers.hpp"
#include "reshape.hpp"
#include "scale.hpp"
#include "scaling.hpp"

namespace pellucid::PELLUCID_ISA {

template <typename T>
constexpr LayerCode<T> layer_table[] = {
    dense_code<T>,
    dense_ntk_code<T>,
    maxout_code<T>,
    convolution_code<T>,
    depthwise_code<T>,
    max_pooling_code<T>,
    average_pooling_code<T>,
    up_sampling_code<T>,
    identity_code<T>,
    activation<Relu, T>("relu"),
    activation<Sigmoid, T>("sigmoid"),
    activation<Tanh, T>("tanh"),
    activation<HardTanh, T>("hard_tanh"),
    activation<Softsign, T>("softsign"),
    activation<LeakyRelu, T>("leaky_relu"),
    prelu_code<T>,
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
    periodic_embedding_code<T>,
    embedding_code<T>,
    softmax_code<T>,
    reshape_code<T>,
    add_code<T>,
    concatenate_code<T>,
    dropout_code<T, false>,
    dropout_code<T, true>,
    gaussian_noise_code<T>,
    batch_normalization_code<T>,
    layer_normalization_code<T>,
    group_normalization_code<T>,
    standardize_code<T>,
    robust_scale_code<T>,
    scale_code<T>,
    rescale_code<T>,
};

}  // namespace pellucid::PELLUCID_ISA
