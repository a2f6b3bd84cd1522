"""Pellucid: neural networks in which every number can be seen.

The public names are imported when they are first used, so that `import pellucid` costs no more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.version import __version__ as __version__

if TYPE_CHECKING:
    from pellucid import datasets, formats, inspection, plots, tables
    from pellucid.augmentation import Augmentation, ElasticDistortion, Flip, Mirror, Rotate, Shear, Translate, Zoom
    from pellucid.description import Feature, TrainingSummary
    from pellucid.ensemble import Ensemble
    from pellucid.formats.ensemble_file import load_ensemble, save_ensemble
    from pellucid.formats.model_file import ModelFileError, load, save
    from pellucid.formats.onnx import OnnxError, OnnxReport, from_onnx, to_onnx
    from pellucid.formats.pytorch import to_torch
    from pellucid.formats.weights import load_keras_weights, load_torch_weights
    from pellucid.initializers import (
        Constant,
        DataDependentBias,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Initializer,
        LeCunNormal,
        LeCunUniform,
        Normal,
        Orthogonal,
        Uniform,
        UnitVariance,
        Zeros,
        normal,
    )
    from pellucid.inspection.doctor import Diagnosis, Doctor, Finding, Remedy, diagnose
    from pellucid.inspection.gradient_check import (
        GradientCheck,
        gradient_check,
        layer_gradient_check,
        loss_gradient_check,
    )
    from pellucid.inspection.learning_rate_finder import RangeTest, range_test
    from pellucid.inspection.overfitting import Overfit, overfit_small
    from pellucid.inspection.preflight import Preflight, preflight
    from pellucid.inspection.recorder import Recorder
    from pellucid.inspection.trace import Trace, trace
    from pellucid.layers import (
        ELU,
        GELU,
        SELU,
        BatchNormalization,
        CategoryEmbedding,
        Center,
        Dense,
        Dropout,
        Flatten,
        GaussianNoise,
        HardTanh,
        Identity,
        Layer,
        LayerNormalization,
        LeakyReLU,
        Maxout,
        MinMax,
        Mish,
        Parallel,
        ParametricActivation,
        PeriodicEmbedding,
        PReLU,
        ReLU,
        Rescale,
        Reshape,
        Residual,
        RobustScale,
        Scale,
        Sequential,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Softsign,
        Standardize,
        Tanh,
    )
    from pellucid.losses import (
        AbsoluteError,
        CustomLoss,
        Hinge,
        Huber,
        Loss,
        Poisson,
        Quantile,
        SigmoidCrossEntropy,
        SoftmaxCrossEntropy,
        SquaredError,
        TargetScaling,
    )
    from pellucid.network import Network
    from pellucid.optimizers import (
        AdaDelta,
        AdaGrad,
        Adam,
        Adamax,
        AdamW,
        AMSGrad,
        GradientDescent,
        Lion,
        Momentum,
        NAdam,
        Nesterov,
        Optimizer,
        RMSProp,
    )
    from pellucid.penalties import L1, L2, Constraint, ElasticNet, MaxNorm, Penalty
    from pellucid.playground.notebook import playground
    from pellucid.plots.html_report import report
    from pellucid.schedules import (
        Cosine,
        CosineRestarts,
        ExponentialDecay,
        FlatCosine,
        InverseScaling,
        LogCosine,
        OneCycle,
        Polynomial,
        Schedule,
        StepDecay,
        WarmUp,
    )
    from pellucid.sweeps import Between, Choice, LogBetween, SweepResults, Trial, grid, samples, sweep
    from pellucid.training import (
        Backtracking,
        Callback,
        Checkpoint,
        CheckpointError,
        DivergenceError,
        EarlyStopping,
        Every,
        History,
        Progress,
        ReduceOnPlateau,
        Trainer,
    )

_HOMES = {
    "pellucid.augmentation": "Augmentation ElasticDistortion Flip Mirror Rotate Shear Translate Zoom",
    "pellucid.description": "Feature TrainingSummary",
    "pellucid.formats.model_file": "ModelFileError load save",
    "pellucid.formats.onnx": "OnnxError OnnxReport from_onnx to_onnx",
    "pellucid.formats.pytorch": "to_torch",
    "pellucid.formats.ensemble_file": "load_ensemble save_ensemble",
    "pellucid.formats.weights": "load_keras_weights load_torch_weights",
    "pellucid.initializers": (
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Initializer LeCunNormal LeCunUniform Normal "
        "Orthogonal DataDependentBias Uniform UnitVariance Zeros normal"
    ),
    "pellucid.inspection.doctor": "Diagnosis Doctor Finding Remedy diagnose",
    "pellucid.inspection.gradient_check": "GradientCheck gradient_check layer_gradient_check loss_gradient_check",
    "pellucid.inspection.learning_rate_finder": "RangeTest range_test",
    "pellucid.inspection.overfitting": "Overfit overfit_small",
    "pellucid.inspection.preflight": "Preflight preflight",
    "pellucid.inspection.recorder": "Recorder",
    "pellucid.inspection.trace": "Trace trace",
    "pellucid.layers": (
        "AveragePooling1D AveragePooling2D BatchNormalization CategoryEmbedding Center Conv1D Conv2D "
        "Conv2DTranspose Dense DepthwiseConv2D Dropout ELU Flatten GaussianNoise GELU GlobalAveragePooling "
        "GlobalMaxPooling GroupNormalization HardTanh Identity Layer LayerNormalization LeakyReLU Maxout "
        "MaxPooling1D MaxPooling2D MinMax Mish Parallel ParametricActivation PeriodicEmbedding PReLU ReLU Rescale "
        "Reshape Residual RobustScale Scale SELU Sequential Sigmoid SiLU Softmax Softplus Softsign SpatialDropout "
        "Standardize Tanh UpSampling2D"
    ),
    "pellucid.losses": (
        "AbsoluteError CustomLoss Hinge Huber Loss Poisson Quantile SigmoidCrossEntropy SoftmaxCrossEntropy "
        "SquaredError TargetScaling"
    ),
    "pellucid.network": "Network",
    "pellucid.optimizers": (
        "AdaDelta AdaGrad Adam Adamax AdamW AMSGrad GradientDescent Lion Momentum NAdam Nesterov Optimizer RMSProp"
    ),
    "pellucid.penalties": "L1 L2 Constraint ElasticNet MaxNorm Penalty",
    "pellucid.plots.html_report": "report",
    "pellucid.schedules": (
        "Cosine CosineRestarts ExponentialDecay FlatCosine InverseScaling LogCosine OneCycle Polynomial Schedule "
        "StepDecay WarmUp"
    ),
    "pellucid.sweeps": "Between Choice LogBetween SweepResults Trial grid samples sweep",
    "pellucid.ensemble": "Ensemble",
    "pellucid.training": (
        "Backtracking Callback Checkpoint CheckpointError DivergenceError EarlyStopping Every History Progress "
        "ReduceOnPlateau Trainer"
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = ("datasets", "formats", "inspection", "playground", "plots", "tables")

__all__ = [
    "ELU",
    "GELU",
    "L1",
    "L2",
    "SELU",
    "AMSGrad",
    "AbsoluteError",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Augmentation",
    "Backtracking",
    "BatchNormalization",
    "Between",
    "Callback",
    "CategoryEmbedding",
    "Center",
    "Checkpoint",
    "CheckpointError",
    "Choice",
    "Constant",
    "Constraint",
    "Cosine",
    "CosineRestarts",
    "CustomLoss",
    "DataDependentBias",
    "Dense",
    "Diagnosis",
    "DivergenceError",
    "Doctor",
    "Dropout",
    "EarlyStopping",
    "ElasticDistortion",
    "ElasticNet",
    "Ensemble",
    "Every",
    "ExponentialDecay",
    "Feature",
    "Finding",
    "FlatCosine",
    "Flatten",
    "Flip",
    "GaussianNoise",
    "GlorotNormal",
    "GlorotUniform",
    "GradientCheck",
    "GradientDescent",
    "HardTanh",
    "HeNormal",
    "HeUniform",
    "Hinge",
    "History",
    "Huber",
    "Identity",
    "Initializer",
    "InverseScaling",
    "Layer",
    "LayerNormalization",
    "LeCunNormal",
    "LeCunUniform",
    "LeakyReLU",
    "Lion",
    "LogBetween",
    "LogCosine",
    "Loss",
    "MaxNorm",
    "Maxout",
    "MinMax",
    "Mirror",
    "Mish",
    "ModelFileError",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Network",
    "Normal",
    "OneCycle",
    "OnnxError",
    "OnnxReport",
    "Optimizer",
    "Orthogonal",
    "Overfit",
    "PReLU",
    "Parallel",
    "ParametricActivation",
    "Penalty",
    "PeriodicEmbedding",
    "Poisson",
    "Polynomial",
    "Preflight",
    "Progress",
    "Quantile",
    "RMSProp",
    "RangeTest",
    "ReLU",
    "Recorder",
    "ReduceOnPlateau",
    "Remedy",
    "Rescale",
    "Reshape",
    "Residual",
    "RobustScale",
    "Rotate",
    "Scale",
    "Schedule",
    "Sequential",
    "Shear",
    "SiLU",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Softsign",
    "SquaredError",
    "Standardize",
    "StepDecay",
    "SweepResults",
    "Tanh",
    "TargetScaling",
    "Trace",
    "Trainer",
    "TrainingSummary",
    "Translate",
    "Trial",
    "Uniform",
    "UnitVariance",
    "WarmUp",
    "Zeros",
    "Zoom",
    "datasets",
    "diagnose",
    "formats",
    "from_onnx",
    "gradient_check",
    "grid",
    "inspection",
    "layer_gradient_check",
    "load",
    "load_ensemble",
    "load_keras_weights",
    "load_torch_weights",
    "loss_gradient_check",
    "normal",
    "overfit_small",
    "playground",
    "plots",
    "preflight",
    "range_test",
    "report",
    "samples",
    "save",
    "save_ensemble",
    "sweep",
    "tables",
    "to_onnx",
    "to_torch",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = import_module(f"pellucid.{name}")
    else:
        from pellucid.foreign import missing_name

        raise missing_name(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME_OF, *_MODULES, "__version__"])
