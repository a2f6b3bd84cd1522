"""Every finding by its name: what it means, what to do, and what else it explains.

The names are stable: programs may ask for them. Their order is that of causes before effects, which is how findings of
the same severity are told. The page of the documentation is made from this table.
"""

from __future__ import annotations

from typing import NamedTuple

SEVERITIES = ("error", "warning", "hint")
"""The worst first."""


class Symptom(NamedTuple):
    """What a finding's name stands for."""

    title: str
    meaning: str
    seen: str
    """What is measured, and when it is found."""
    advice: str
    explains: tuple[str, ...] = ()
    """The findings that need no reason of their own where this one is found."""


_UNITS = ("dead_relu", "saturated_units", "frozen_units", "constant_predictions")
_GRADIENTS = ("vanishing_gradients", "exploding_gradients")
_RATES = ("learning_rate_too_high", "learning_rate_too_low", "batch_size_mismatch", "plateau")
_FITS = ("underfitting", "overfitting", "over_regularized", "class_imbalance", "label_noise")
_ALL = (*_UNITS, *_GRADIENTS, *_RATES, *_FITS, "initial_loss", "non_finite", "tiny_batches", "symmetric_weights")

CATALOGUE: dict[str, Symptom] = {
    "wrong_gradient": Symptom(
        "Wrong gradient",
        "The derivative of a loss or layer of your own is not the derivative of its value, so every step goes "
        "elsewhere than downhill.",
        "The gradient of every part that is not the library's own is held against central differences in double "
        "precision, at the network's own numbers.",
        "Correct the derivative; pellucid.gradient_check says which number is wrong and what it should be.",
        (*_ALL, "unscaled_inputs", "output_loss_mismatch"),
    ),
    "constant_inputs": Symptom(
        "Inputs that do not vary",
        "All rows hold the same numbers, so nothing can be told from them.",
        "The spread of every column over the rows.",
        "Look at how the inputs are read and prepared: every row arrives as the same one.",
        (*_ALL, "shuffled_labels"),
    ),
    "output_loss_mismatch": Symptom(
        "Output and loss that do not fit",
        "The last layer and the loss do not belong together: what the loss expects to see, the output cannot say.",
        "The last activation, the range of its outputs, the loss and the range of the targets: a softmax or sigmoid in "
        "front of a loss that contains one, a softmax under squared error, a bounded output for targets beyond it.",
        "Take the activation behind the last Dense away: the loss contains the one it needs.",
        (*_GRADIENTS, *_RATES, *_UNITS, "underfitting", "initial_loss", "class_imbalance", "over_regularized"),
    ),
    "broken_target": Symptom(
        "A broken target",
        "A few rows carry a target that is no measurement (a code for a missing value, a slipped decimal point), and "
        "they make up most of what there is to explain.",
        "One number that many rows share, far outside all others, with more than half of the targets' variance.",
        "Leave the rows with that target out, or repair it.",
        (*_ALL, "unscaled_targets", "shuffled_labels"),
    ),
    "shuffled_labels": Symptom(
        "Targets that have nothing to do with the inputs",
        "On rows that were not trained on, neither the network nor an independent model does better than guessing: the "
        "targets belong to other rows, or the inputs say nothing about them.",
        "The error of the network and of a ridge regression on random features, both on held-out rows, beside that of "
        "the best constant.",
        "Check that every row still has its own target: one of x and y was sorted, shuffled or filtered without the "
        "other.",
        (
            "overfitting",
            "underfitting",
            "label_noise",
            "plateau",
            "constant_predictions",
            "class_imbalance",
            *_RATES,
            "over_regularized",
        ),
    ),
    "validation_leak": Symptom(
        "Training rows in the validation set",
        "Validation rows that were trained on measure memory. Early stopping waits for an error that never rises.",
        "The share of validation rows that stand in the training rows to the last bit, beside the share of training "
        "rows that have a twin among themselves.",
        "Leave these rows out of the training set; split before rows are repeated or augmented.",
        ("overfitting",),
    ),
    "leaking_column": Symptom(
        "A column that gives the target away",
        "One column alone tells the target almost perfectly. It may be the target under another name, and missing when "
        "the model is used.",
        "How much of the target each column explains alone.",
        "Make sure the column is known when predictions are made; otherwise leave it out.",
        ("underfitting", "learning_rate_too_low", "plateau", "overfitting"),
    ),
    "symmetric_weights": Symptom(
        "Units that stay equal",
        "Units of a layer that begin with the same weights, in and out, get the same gradient and stay the same unit "
        "for ever: the layer is as wide as one of them.",
        "The share of a layer's units whose weights equal another unit's to the last bits.",
        "Begin with random weights: omit the weight_initializer.",
        (*_UNITS, *_GRADIENTS, *_RATES, "underfitting", "class_imbalance", "over_regularized"),
    ),
    "unscaled_inputs": Symptom(
        "Unscaled inputs",
        "Columns of very different or very large size make the loss a long narrow valley: a rate small enough for one "
        "direction is far too small for the others, and the first units saturate or die.",
        "Mean and spread of every column where it meets the first weights.",
        "Put Standardize() in front of the network: it measures the training rows and travels with the model.",
        (*_ALL, "unscaled_targets"),
    ),
    "unscaled_targets": Symptom(
        "Unscaled targets",
        "The targets are so large, small or far from 0 that the last layer needs most of the training to get there.",
        "Mean and spread of the targets, beside the first predictions.",
        "Train with standardize_target=True: the network learns (y − mean)/deviation, and predicts in the unit of y.",
        (*_GRADIENTS, *_RATES, *_UNITS, "initial_loss", "underfitting", "non_finite", "over_regularized"),
    ),
    "exploding_gradients": Symptom(
        "Exploding gradients",
        "On the way back the gradient grows from layer to layer: the first layers leap while the last ones creep, and "
        "no rate suits both.",
        "The size of ∂C/∂a behind the first and the last trained layer, before training and in it.",
        "Let the weights begin at their usual size (omit weight_initializer), or clip the gradient.",
        (
            "learning_rate_too_high",
            "learning_rate_too_low",
            "initial_loss",
            "saturated_units",
            "dead_relu",
            "plateau",
            "underfitting",
            "non_finite",
            "batch_size_mismatch",
            "constant_predictions",
            "overfitting",
            "frozen_units",
        ),
    ),
    "saturated_units": Symptom(
        "Saturated units",
        "A sigmoid or tanh far from 0 is flat: its unit passes on no gradient and does not learn.",
        "The share of a layer's units that are at their ends for nine rows in ten.",
        "Let the weights begin at their usual size, scale the inputs, or use ReLU.",
        (
            "vanishing_gradients",
            "exploding_gradients",
            "plateau",
            "underfitting",
            "learning_rate_too_low",
            "learning_rate_too_high",
            "constant_predictions",
            "class_imbalance",
            "initial_loss",
            "overfitting",
        ),
    ),
    "vanishing_gradients": Symptom(
        "Vanishing gradients",
        "On the way back the gradient shrinks from layer to layer, as it does through many sigmoids (σ′ is at most ¼): "
        "the first layers never learn.",
        "The size of ∂C/∂a behind the first and the last trained layer, and how far their weights move.",
        "Use ReLU in the hidden layers, or put BatchNormalization behind each Dense.",
        (
            "learning_rate_too_low",
            "plateau",
            "underfitting",
            "constant_predictions",
            "class_imbalance",
            "batch_size_mismatch",
            "over_regularized",
            "frozen_units",
        ),
    ),
    "initial_loss": Symptom(
        "The first loss is off",
        "Before the first step a network should know nothing and say so: log K for K classes. One that begins with "
        "strong opinions spends its first epochs unlearning them.",
        "The loss of the first weights beside the one of a network that says the same of every row.",
        "Let the last layer begin as usual: omit its weight_initializer and bias_initializer.",
        ("learning_rate_too_low", "plateau", "saturated_units", "underfitting", "constant_predictions"),
    ),
    "tiny_batches": Symptom(
        "Batch normalization with tiny batches",
        "Means and variances of a few rows are noise, and prediction uses other ones: the network is trained as one "
        "function and used as another.",
        "The rows of a batch, and the loss with the batch's own statistics beside that with the running averages.",
        "Take batches of 32 rows or more, or LayerNormalization, which looks at each row alone.",
        (
            "overfitting",
            "underfitting",
            "learning_rate_too_high",
            "learning_rate_too_low",
            "plateau",
            "label_noise",
            "batch_size_mismatch",
            "class_imbalance",
        ),
    ),
    "batch_size_mismatch": Symptom(
        "Batch size at odds with the rate",
        "Few rows a step make a noisy gradient, for which the rate is too high; very many rows make few steps, for "
        "which it is too low.",
        "The same rows learnt once more from the first weights, in batches of another size at the same rate.",
        "Take another batch size at this rate.",
        (
            "learning_rate_too_high",
            "learning_rate_too_low",
            "plateau",
            "underfitting",
            "non_finite",
            "dead_relu",
            "constant_predictions",
            "class_imbalance",
            "saturated_units",
            "over_regularized",
            "exploding_gradients",
        ),
    ),
    "learning_rate_too_high": Symptom(
        "Learning rate too high",
        "Every step leaps over the valley: the loss jumps about, stays high or grows without end.",
        "The same training once more from the first weights, for some steps at lower rates; and how often the loss "
        "rises.",
        "Lower the learning rate.",
        (
            "non_finite",
            *_UNITS,
            "plateau",
            "underfitting",
            "exploding_gradients",
            "overfitting",
            "class_imbalance",
            "over_regularized",
        ),
    ),
    "over_regularized": Symptom(
        "Too strong regularization",
        "The penalty, decay or dropout outweighs the data: the weights are held so small, or so much is left out, that "
        "the network cannot fit.",
        "How far the loss falls in a few steps without them from where training ended.",
        "Lower the strength of the penalty, the weight decay or the dropout rate.",
        (
            "underfitting",
            "constant_predictions",
            "vanishing_gradients",
            "plateau",
            "class_imbalance",
            "learning_rate_too_low",
            "learning_rate_too_high",
            "dead_relu",
        ),
    ),
    "dead_relu": Symptom(
        "Dead ReLUs",
        "A unit that answers 0 to every row gets no gradient: it will not come back.",
        "The share of a layer's units that are 0 for every sampled row.",
        "Let biases begin at 0 and weights at their usual size, lower the rate, or use LeakyReLU.",
        (
            "frozen_units",
            "constant_predictions",
            "underfitting",
            "plateau",
            "class_imbalance",
            "learning_rate_too_low",
            "vanishing_gradients",
            "over_regularized",
            "initial_loss",
        ),
    ),
    "learning_rate_too_low": Symptom(
        "Learning rate too low",
        "The steps are so small that training would need many times as many of them.",
        "How far a step moves the weights, and how far a few steps at higher rates get from the first weights, beside "
        "the whole training.",
        "Raise the learning rate.",
        ("underfitting", "plateau", "frozen_units", "class_imbalance", "constant_predictions", "over_regularized"),
    ),
    "non_finite": Symptom(
        "NaN or infinity",
        "A number overflowed or was never defined (the logarithm of 0, a division by 0), and it spreads to all others.",
        "The step at which it happened, gone through layer by layer: the first one whose numbers are not finite.",
        "Look at the layer or loss named here: guard its logarithms, roots and divisions.",
        ("constant_predictions", "underfitting", *_UNITS),
    ),
    "frozen_units": Symptom(
        "Units that never change",
        "Weights that are the same after training as before it learn nothing.",
        "The share of a layer's units whose weights and bias did not move in fifty steps or more.",
        "Give the layer a learning-rate factor above 0, or look at why no gradient reaches it.",
        ("underfitting", "plateau", "learning_rate_too_low", "class_imbalance"),
    ),
    "constant_predictions": Symptom(
        "Constant predictions",
        "The network says the same of every row: somewhere on the way all that the rows differ in is lost.",
        "The standard deviation of the scores over the rows, beside their root mean square; and the first layer whose "
        "outputs do not vary.",
        "Look at the last weights, and at what keeps them near 0: the rate, a penalty, a decay.",
        ("underfitting", "plateau", "class_imbalance", "learning_rate_too_low"),
    ),
    "class_imbalance": Symptom(
        "Class imbalance ignored",
        "A rare class costs little when it is never predicted, so the network learns to leave it out, though it could "
        "be told.",
        "The share of each class, how many of its rows are found, and how many a ridge regression with balanced "
        "classes finds.",
        'Give fit class_weight="balanced".',
        ("underfitting", "plateau", "constant_predictions"),
    ),
    "label_noise": Symptom(
        "Label noise",
        "Even in the middle of a class, neighbours carry other labels: either a part of the labels is wrong, or the "
        "inputs do not decide them. A network that is trained long enough memorizes such labels.",
        "How pure the neighbourhoods of the purest rows are, where no model predicts held-out rows better than that; "
        "nothing is said of codes of categories, which have no neighbours.",
        "Correct the labels, or train for fewer epochs with early stopping, smoothing and a stronger penalty.",
        ("overfitting", "underfitting", "plateau"),
    ),
    "idle_early_stopping": Symptom(
        "Early stopping that never could act",
        "It watches a number that cannot rise, or waits longer than the training lasts.",
        "The column that is watched, the patience, and the number of epochs.",
        "Give fit a validation set and let EarlyStopping watch it, with a patience shorter than the training.",
        ("overfitting",),
    ),
    "overfitting": Symptom(
        "Overfitting",
        "The network memorizes the training rows: their loss falls while that of other rows rises.",
        "The lowest validation loss beside the last, and the training loss.",
        "Stop at the lowest validation loss (EarlyStopping), or use a penalty, dropout or a smaller network.",
    ),
    "plateau": Symptom(
        "Plateau",
        "The loss has stopped falling well above what can be reached: at this rate the steps jump to and fro over the "
        "valley's floor.",
        "The last third of the epochs without progress, and how far a few steps at a tenth of the rate get from there.",
        "Lower the rate as training goes on: a schedule such as Cosine, or ReduceOnPlateau.",
        ("underfitting",),
    ),
    "underfitting": Symptom(
        "Underfitting",
        "The network is too small, or of the wrong form, for what there is to learn: an independent model does better "
        "on rows that neither has seen.",
        "The error of the network and that of a ridge regression on random features, on held-out rows.",
        "Give the network more hidden units or a further layer.",
    ),
}


def worse(one: str, other: str) -> str:
    """The worse of two severities."""
    return min(one, other, key=SEVERITIES.index)
