"""What other libraries call it, and how it is done here.

Contract: tables of the names that users of Keras, PyTorch, scikit-learn and Lightning type. Whoever receives an unknown
name (an argument, an attribute, a hook, a name in a string) asks here before raising. Nothing is accepted under a
foreign name: the error shows what to write instead.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

Called = TypeVar("Called", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

_TRAINER = "it belongs to the trainer: Trainer(network, loss=…, {}=…)."
_FIT = "it belongs to fit: trainer.fit(x, y, epochs=…, {}=…)."
_INFERRED = "the size of the input is inferred from the data at the first fit: omit it (or network.build(64))."
_PENALTY = "penalties belong to the trainer: Trainer(network, loss=…, penalty=L2(1e-4))."
_RATE = "write learning_rate=…, or the number alone: Adam(0.001)."
_SEED = "write seed=… of the trainer; there is no global state."

ARGUMENTS = {
    # of layers
    "activation": "an activation is a layer of its own: [Dense(3), ReLU()].",
    "in_features": _INFERRED,
    "input_dim": _INFERRED,
    "input_shape": _INFERRED,
    "num_features": _INFERRED,
    "normalized_shape": _INFERRED,
    "out_features": "write units=…, or the number alone: Dense(32).",
    "use_bias": "write bias=….",
    "kernel_initializer": "write weight_initializer=….",
    "kernel_regularizer": _PENALTY,
    "bias_regularizer": _PENALTY + " Biases have none.",
    "activity_regularizer": _PENALTY,
    "kernel_constraint": "it belongs to the trainer: Trainer(network, loss=…, constraint=MaxNorm(3)).",
    "p": "write rate=…, the fraction set to zero, or the number alone: Dropout(0.2).",
    "negative_slope": "write slope=….",
    "eps": "write epsilon=….",
    "axis": "statistics are those of the last axis: omit it.",
    # of optimizers
    "lr": _RATE,
    "betas": "write beta_1=…, beta_2=….",
    "alpha": "write decay=…; of scikit-learn's alpha: penalty=L2(alpha, per_example=True) of the trainer.",
    "rho": "write decay=….",
    "amsgrad": "write AMSGrad(…).",
    "nesterov": "write Nesterov(…).",
    "GradientDescent.momentum": "write Momentum(0.1, momentum=0.9).",
    "clipnorm": "write clip_norm=….",
    "clipvalue": "write clip_value=….",
    "params": "the trainer passes the parameters: omit them.",
    # of losses
    "from_logits": "a loss takes plain scores, and contains its softmax or sigmoid: omit it, and the last activation.",
    "reduction": "a loss is the mean over the rows, and the sum over the outputs: omit it.",
    "weight": "write class_weight=… or sample_weight=… in fit.",
    "pos_weight": "write class_weight={1: …} in fit.",
    # of the network
    "Network.optimizer": _TRAINER.format("optimizer"),
    "Network.loss": "it belongs to the trainer: Trainer(network, loss=…).",
    "Network.seed": _TRAINER.format("seed"),
    "device": "there are CPUs alone: omit it; Network(layers, threads=…) sets the number of threads.",
    # of the trainer
    "Trainer.lr": "it belongs to the optimizer: Trainer(network, loss=…, optimizer=Adam(0.001)).",
    "Trainer.learning_rate": "it belongs to the optimizer: Trainer(network, loss=…, optimizer=Adam(0.001)).",
    "Trainer.weight_decay": "it belongs to the optimizer: Trainer(network, loss=…, optimizer=AdamW(0.001)).",
    "Trainer.model": "write network=….",
    "Trainer.epochs": _FIT.format("epochs"),
    "Trainer.max_epochs": _FIT.format("epochs"),
    "Trainer.validation": _FIT.format("validation"),
    "Trainer.metrics": _FIT.format("metrics"),
    "Trainer.class_weight": _FIT.format("class_weight"),
    "criterion": "write loss=….",
    "random_state": _SEED,
    # of fit
    "fit.batch_size": _TRAINER.format("batch_size"),
    "fit.callbacks": _TRAINER.format("callbacks"),
    "fit.shuffle": _TRAINER.format("shuffle"),
    "fit.loss": "it belongs to the trainer: Trainer(network, loss=…).",
    "fit.optimizer": _TRAINER.format("optimizer"),
    "fit.learning_rate": "it belongs to the optimizer: Trainer(network, loss=…, optimizer=Adam(0.001)).",
    "fit.lr": "it belongs to the optimizer: Trainer(network, loss=…, optimizer=Adam(0.001)).",
    "fit.penalty": _TRAINER.format("penalty"),
    "fit.seed": _TRAINER.format("seed"),
    "validation_data": "write validation=(x, y).",
    "eval_set": "write validation=(x, y).",
    "validation_set": "write validation=(x, y).",
    "validation_split": "write validation=0.2, the fraction of the rows to split off.",
    "validation_fraction": "write validation=0.2, the fraction of the rows to split off.",
    "fit.verbose": "write progress=True or progress=False; omitted, a terminal or notebook shows the progress.",
    "verbose": "omit it: only fit shows its progress, with progress=True or False.",
    "max_epochs": "write epochs=….",
    "n_epochs": "write epochs=….",
    "num_epochs": "write epochs=….",
    "nb_epoch": "write epochs=….",
    "max_iter": "write epochs=….",
    "initial_epoch": "fit called again continues where it stopped: omit it.",
    "X": "write x=…, or the array alone: fit(x, y, epochs=…).",
    # of callbacks
    "restore_best_weights": "the best weights are always restored: omit it.",
    "min_delta": "write minimum_improvement=….",
    "mode": "write higher_is_better=True or False; it is known for losses and the metrics that have a name here.",
    "save_best_only": "EarlyStopping(patience=None) keeps the best weights: omit it.",
    "min_lr": "write lowest=….",
    "batch_size": "prediction works in slices by itself: omit it; training: Trainer(network, loss=…, batch_size=…).",
}  # fmt: skip
"""Arguments, by name or as "callable.name", which comes first: what to write instead."""

TOO_MANY = {
    "fit": "All but x and y is named: trainer.fit(x, y, epochs=10).",
    "Trainer": "What follows the penalty is named: Trainer(network, loss, seed=0).",
}
"""What to write where there are too many positional arguments."""

_TRAINS = "a Trainer trains: pl.Trainer(network, loss=pl.SoftmaxCrossEntropy()).fit(x, y, epochs=10)"
_CROSS_ENTROPY = "SoftmaxCrossEntropy(), which takes plain scores and contains the softmax"
_BINARY = "SigmoidCrossEntropy(), which takes plain scores and contains the sigmoid"

NAMES = {
    "Linear": "Dense(units): the size of the input is inferred",
    "Model": "Network([…])",
    "Module": "Network([…]); a layer of one's own is a subclass of Layer",
    "Input": "nothing: the shape of the input is inferred",
    "InputLayer": "nothing: the shape of the input is inferred",
    "Activation": "the activation's own layer, ReLU()",
    "BatchNorm1d": "BatchNormalization()",
    "LayerNorm": "LayerNormalization()",
    "ReLu": "ReLU()",
    "Relu": "ReLU()",
    "LeakyReLu": "LeakyReLU()",
    "Swish": "SiLU()",
    "CrossEntropyLoss": _CROSS_ENTROPY,
    "CategoricalCrossentropy": _CROSS_ENTROPY,
    "SparseCategoricalCrossentropy": _CROSS_ENTROPY,
    "NLLLoss": _CROSS_ENTROPY,
    "BCELoss": _BINARY,
    "BCEWithLogitsLoss": _BINARY,
    "BinaryCrossentropy": _BINARY,
    "MSELoss": "SquaredError(), ½(a − y)² summed over the outputs",
    "MeanSquaredError": "SquaredError(), ½(a − y)² summed over the outputs",
    "L1Loss": "AbsoluteError()",
    "MeanAbsoluteError": "AbsoluteError()",
    "SmoothL1Loss": "Huber()",
    "HuberLoss": "Huber()",
    "PoissonNLLLoss": "Poisson()",
    "SGD": "GradientDescent(0.1), Momentum(0.1, momentum=0.9) or Nesterov(0.1)",
    "RMSprop": "RMSProp()",
    "Adagrad": "AdaGrad()",
    "Adadelta": "AdaDelta()",
    "ModelCheckpoint": "Checkpoint(folder)",
    "ReduceLROnPlateau": "ReduceOnPlateau()",
    "CSVLogger": "the history: history.to_frame().to_csv(path)",
    "TensorBoard": "Recorder() and history.plot()",
    "LearningRateScheduler": "a schedule in the place of the rate: Adam(Cosine(0.01, steps=10_000))",
    "DataLoader": "nothing: fit(x, y) draws the batches, Trainer(batch_size=32)",
    "TensorDataset": "nothing: fit(x, y) takes the arrays",
    "Tensor": "a NumPy array",
    "tensor": "a NumPy array",
    "StandardScaler": "Standardize(), the first layer: it is saved with the network",
    "MinMaxScaler": "MinMax(), the first layer: it is saved with the network",
    "train_test_split": "datasets.split(x, y)",
    "MLPClassifier": "pellucid.estimators.MLPClassifier",
    "MLPRegressor": "pellucid.estimators.MLPRegressor",
    "load_model": "load(path)",
    "manual_seed": "seed=… of the Trainer: there is no global state",
    "set_seed": "seed=… of the Trainer: there is no global state",
    "nn": "the names of the package itself: pl.Dense",
    "optim": "the names of the package itself: pl.Adam",
}  # fmt: skip
"""Names that are looked for in the package: what there is."""

ATTRIBUTES = {
    "Network": {
        "compile": "loss and optimizer belong to the trainer, and " + _TRAINS,
        "fit": _TRAINS,
        "train": _TRAINS + "; there is no mode to switch, all else is prediction",
        "train_on_batch": _TRAINS,
        "train_step": _TRAINS,
        "eval": "there is no mode to switch: scores, predict and evaluate are prediction",
        "forward": "write network.scores(x); layer by layer: pellucid.engines.reference.forward(network.model, x)",
        "backward": "write network.loss_and_gradient(x, y, loss=…)",
        "zero_grad": "nothing accumulates: network.loss_and_gradient(x, y) returns a new gradient",
        "score": 'write network.evaluate(x, y)["accuracy"]',
        "add": "layers are given at once: Network([Dense(64), ReLU(), Dense(10)])",
        "weights": "write network.parameters, a flat vector, or network.named_parameters()",
        "state_dict": "write network.named_parameters()",
        "load_state_dict": "write network.set(name, values), or pl.load_torch_weights",
        "get_weights": "write network.named_parameters()",
        "set_weights": "write network.set(name, values)",
        "trainable_variables": "write network.named_parameters()",
        "coefs_": "write network.named_parameters()",
        "count_params": "write network.parameters.size",
        "save": "write pl.save(network, path)",
        "load_weights": "write pl.load(path), pl.load_keras_weights or pl.load_torch_weights",
        "to": "there are CPUs alone; Network(layers, dtype=…, threads=…)",
        "cuda": "there are CPUs alone",
        "history": "trainer.fit returns the history",
    },
    "Trainer": {
        "compile": "nothing is to be compiled: trainer.fit(x, y, epochs=10)",
        "train": "write trainer.fit(x, y, epochs=10)",
        "run": "write trainer.fit(x, y, epochs=10)",
        "model": "write trainer.network",
        "predict": "write trainer.network.predict(x)",
        "predict_proba": "write trainer.network.predict_proba(x)",
        "evaluate": "write trainer.network.evaluate(x, y)",
        "score": 'write trainer.network.evaluate(x, y)["accuracy"]',
        "test": "write trainer.network.evaluate(x, y)",
        "summary": "write trainer.network.summary()",
        "partial_fit": "fit called again continues where it stopped",
        "criterion": "write trainer.loss",
        "stop_training": 'write trainer.stop("the reason")',
        "should_stop": 'write trainer.stop("the reason")',
        "current_epoch": "write trainer.epoch",
        "global_step": "write trainer.step",
    },
}  # fmt: skip
"""Attributes that are looked for in an object: what to write instead."""

HOOKS = {
    **dict.fromkeys(("on_train_begin", "on_train_start", "on_fit_start", "before_fit"), "on_fit_begin"),
    **dict.fromkeys(("on_train_end", "after_fit"), "on_fit_end"),
    **dict.fromkeys(("on_train_batch_end", "on_step_end", "after_batch", "after_iter"), "on_batch_end"),
    **dict.fromkeys(
        ("on_train_epoch_end", "on_validation_epoch_end", "on_validation_end", "after_epoch", "on_test_end"),
        "on_epoch_end",
    ),
    "on_epoch_begin": "on_epoch_end, or on_fit_begin for the first",
    "on_train_epoch_start": "on_epoch_end, or on_fit_begin for the first",
    "on_batch_begin": "on_batch_end",
    "on_train_batch_begin": "on_batch_end",
    "on_train_batch_start": "on_batch_end",
    "state_dict": "state",
    "load_state_dict": "restore",
}
"""Methods of callbacks: the hook that there is."""

VALUES = {
    **dict.fromkeys(("mse", "mean_squared_error"), "squared_error"),
    **dict.fromkeys(("mae", "mean_absolute_error"), "absolute_error"),
    **dict.fromkeys(
        ("cross_entropy", "categorical_crossentropy", "sparse_categorical_crossentropy", "nll", "log_loss"),
        "softmax_cross_entropy",
    ),
    **dict.fromkeys(("bce", "binary_crossentropy", "binary_cross_entropy"), "sigmoid_cross_entropy"),
    "sgd": "gradient_descent",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming": "he_normal",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
    "val_acc": "validation_accuracy",
    "acc": "accuracy",
}  # fmt: skip
"""Names in strings: the one that is used here."""


def hook_advice(name: str, hooks: Iterable[str]) -> str | None:
    """What to write in the place of a callback's method that is no hook; None if it is none of anybody's."""
    if name in HOOKS:
        return f"the hook is {HOOKS[name]}."
    known = [hook for hook in hooks if hook.startswith("on_")]
    plain = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    near = difflib.get_close_matches(plain if plain.startswith("on_") else f"on_{plain}", known, n=1, cutoff=0.85)
    return f"the hook is {near[0]}." if near else None


MISPLACED = {
    "weight_initializer": " The size of the input is inferred, Dense(32), and an activation is a layer of its own, "
    "[Dense(32), ReLU()].",
}
"""What to say of an unknown value of an argument: what people put there by the order of another library."""


def value_here(value: object, options: Iterable[str]) -> str | None:
    """The name that is used here for a value of another library; None if there is none among the options."""
    here = VALUES.get(str(value).lower())
    return here if here is not None and (here in options or here.startswith("validation_")) else None


def missing_attribute(owner: object, name: str) -> AttributeError:
    """The error for an attribute that an object does not have, with what to write instead."""
    kind = type(owner).__name__
    advice = ATTRIBUTES.get(kind, {}).get(name)
    return AttributeError(f"{kind!r} object has no attribute {name!r}" + (f": {advice}." if advice else ""))


def missing_name(name: str) -> AttributeError:
    """The error for a name that the package does not have, with what there is in its place."""
    advice = f": here it is {NAMES[name]}." if name in NAMES else ""
    return AttributeError(f"module 'pellucid' has no attribute {name!r}{advice}")


def explains_arguments(function: Called) -> Called:
    """A function whose TypeError for arguments it does not take shows how it is done here."""

    @wraps(function)
    def explained(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except TypeError as error:
            signature = inspect.signature(function)
            try:
                signature.bind(*arguments, **options)
            except TypeError:
                name = type(arguments[0]).__name__ if function.__name__ == "__init__" else function.__name__
                raise TypeError(_explanation(name, signature, arguments, options) or str(error)) from None
            raise

    return explained  # type: ignore[return-value]


def explain_constructors(classes: Iterable[type]) -> None:
    """Let the constructors of classes explain the arguments that they do not take."""
    for cls in classes:
        if "__init__" in vars(cls):
            cls.__init__ = explains_arguments(cls.__init__)  # type: ignore[misc]


def _explanation(name: str, signature: inspect.Signature, arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Which argument is unknown, what to write instead, and what there is; "" if none is."""
    known = [each for each in signature.parameters if each != "self"]
    for option in options:
        if option not in known:
            advice = ARGUMENTS.get(f"{name}.{option}", ARGUMENTS.get(option))
            near = difflib.get_close_matches(option, known, n=1, cutoff=0.6)
            if advice is None and near:
                advice = f"did you mean {near[0]!r}?"
            allowed = f" Allowed: {', '.join(known)}." if known else ""
            return f"{name} takes no argument {option!r}{f': {advice}' if advice else '.'}{allowed}"
    positional = [each.name for each in signature.parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD][1:]
    if len(arguments) - 1 > len(positional):
        named = TOO_MANY.get(name, f"Allowed: {', '.join(known)}." if known else "It takes none.")
        return f"{name} takes {len(positional)} positional arguments, not {len(arguments) - 1}. {named}"
    return ""
