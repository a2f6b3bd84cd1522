"""The network: a list of layers over one flat parameter vector.

The forward pass itself is `forward` in engines/reference.py, layer after layer in NumPy, and the backward pass is
`backward` below it. A network holds the numbers, and lets an engine compute: this one, or the native one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.description import Feature, TrainingSummary, as_features, check_counts, check_once
from pellucid.display import html_table, text_table
from pellucid.engines import EngineChoice
from pellucid.engines.engine import Model
from pellucid.engines.overflow import first_overflow
from pellucid.engines.reference import input_of, weighted_mean
from pellucid.foreign import explains_arguments, missing_attribute
from pellucid.initializers import Initializer, find_initializer
from pellucid.layers.activations import Softmax
from pellucid.layers.layer import Layer, as_rows
from pellucid.losses import LINKS, Loss, TargetScaling, find_loss, predictions, probabilities
from pellucid.losses.links import check_unit
from pellucid.metrics import Metrics, ScoredExamples, find_metrics, measured
from pellucid.penalties import Penalty
from pellucid.program.compilation import Program, View, compile_program
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import (
    check_array,
    check_choice,
    check_finite,
    check_inputs,
    check_integer,
    check_same_length,
    check_sample_weight,
    check_seed,
    counted,
    surely_finite,
    unknown_name_message,
)

if TYPE_CHECKING:
    from pellucid.encoding.encoder import TableEncoder


_NOT_BUILT = "The network has no parameters yet: train it, or call network.build(input_shape)."


class Network:
    """A dense network: layers, their parameters, and what follows from them for given inputs.

    Parameters
    ----------
    layers : sequence of Layer
        At least one, applied in this order.
    dtype : {"float32", "float64"}
        The precision of parameters and all computation.
    engine : {"auto", "native", "reference"}
        What computes. "auto": the native engine wherever it can.
    threads : int or None
        How many threads the native engine uses; None: by the size of the work. The result is the same for any number.

    Attributes
    ----------
    parameters : array (p,)
        All parameters, layer by layer, weight before bias; read-only: assign a whole vector, or use `set`.
    statistics : array (s,)
        What layers measured on data (means, scales), float64; read-only likewise.
    loss : Loss or None
        What the network was trained with; `evaluate` uses it. Set by training.
    link : {"identity", "sigmoid", "softmax", "argmax"}
        How scores become predictions. Set by training: it is the loss's to say.
    target : TargetScaling or None
        The unit of the numbers it predicts, where scores are in another: predictions are clip(score·scale + mean), or
        clip(exp(score)·scale) with the link "exponential". Measured by a trainer that is asked to, or assigned.
    classes : tuple of str or None
        The names of the classes 0, 1, …, for people; predictions are numbers. Each name once, and one for each class.
    features : tuple of Feature or None
        The names and kinds of the numbers in a row, for people: assign names, or (name, kind) pairs.
    preprocessing : TableEncoder or None
        How the columns of a table become the numbers of a row. It travels in the file; `predict` takes the numbers.
    training : TrainingSummary or None
        The training that the weights come from: seed, data, metrics. Set by training.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)]).build(4, seed=0)
    >>> network.parameters.shape          # 4·3 + 3 + 3·2 + 2
    (23,)
    >>> network.scores([[0.0, 0.0, 0.0, 0.0]])
    array([[0., 0.]], dtype=float32)
    """

    @explains_arguments
    def __init__(
        self,
        layers: Sequence[Layer],
        dtype: str = "float32",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        if isinstance(layers, Layer):
            raise TypeError("layers must be a list of layers: write Network([layer]), not Network(layer).")
        self.layers = tuple(layers)
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                hint = f" Write {layer.__name__}()." if isinstance(layer, type) and issubclass(layer, Layer) else ""
                raise TypeError(f"layers[{index}] must be a layer, not {layer!r}.{hint}")
        if not self.layers:
            raise ValueError("A network needs at least one layer, but layers is empty.")
        name = dtype if isinstance(dtype, str) else str(np.dtype(dtype))
        self.dtype = np.dtype(check_choice("dtype", name, ("float32", "float64")))
        if threads is not None:
            check_integer("threads", threads, minimum=1)
        self.threads = threads
        self.engines = EngineChoice(engine, threads)
        self.loss: Loss | None = None
        self._link = "identity"
        self._target: TargetScaling | None = None
        self._classes: tuple[str, ...] | None = None
        self._features: tuple[Feature, ...] | None = None
        self._preprocessing: TableEncoder | None = None
        self.training: TrainingSummary | None = None
        self._program: Program | None = None  # shapes are known before the numbers are there
        self._model: Model | None = None
        self._with_softmax: tuple[Program, Program] | None = None
        self.statistics_fitted = False

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    # -- building ------------------------------------------------------------------------------------------------

    def build(self, input_shape: int | Shape, seed: int = 0) -> Network:
        """Infer all shapes and draw the first weights; done by training at the first data.

        Parameters
        ----------
        input_shape : int or tuple of int
            The shape of one example: 64 or (64,) for rows of 64 features.
        seed : int
            Where the weights' random numbers start.

        Returns
        -------
        Network
            Itself.
        """
        check_seed(seed)
        shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
        program = self._compiled(tuple(check_integer("input_shape", size, minimum=1) for size in shape))
        parameters = np.zeros(program.parameter_count, dtype=self.dtype)
        statistics = np.zeros(program.statistic_count, dtype=np.float64)
        for instruction in program.instructions:
            layer = instruction.layer
            for number, (view, spec) in enumerate(zip(instruction.parameters, instruction.specs, strict=True)):
                stream = Stream(seed, Purpose.INITIALIZE, instruction.index, number)
                initializer = spec.initializer or _suitable_initializer(program, instruction.index)
                view.of(parameters)[...] = initializer.draw(spec.shape, stream, spec.fans)
            for view in instruction.statistics:
                view.of(statistics)[...] = layer.statistic_specs(instruction.input_shape)[view.name][1]
        self._hold(Model(program, _frozen(parameters), _frozen(statistics)), program.statistic_count == 0)
        return self

    def adopt_shape(self, input_shape: Shape) -> None:
        """Infer all shapes without drawing weights, for whoever brings them: until `adopt` it is not built."""
        self.__dict__.update(_program=self._compiled(input_shape), _model=None)

    def _compiled(self, input_shape: Shape) -> Program:
        """The program for inputs of a shape, if names and units fit it."""
        program = compile_program(self.layers, input_shape)
        self.check_names(program=program)
        if self.target is not None:
            self.target.check(program.outputs)
        return program

    def _hold(self, model: Model, statistics_fitted: bool) -> None:
        """Change to these numbers. A single call, so that an interrupt comes before all of it or after."""
        self.__dict__.update(_program=model.program, _model=model, statistics_fitted=statistics_fitted)

    def become(self, prepared: Network) -> None:
        """Change to the numbers, loss, link and unit of a copy of this network, in a single call likewise."""
        names = ("_program", "_model", "statistics_fitted", "loss", "_link", "_target")
        self.__dict__.update({name: vars(prepared)[name] for name in names})

    def adopt(self, parameters: Floats, statistics: Floats, statistics_fitted: bool = True) -> None:
        """Take over vectors (p,) and (s,) without copying them, for whoever read them: nobody else may change them."""
        program = self.program
        for name, vector, count, dtype in (
            ("parameters", parameters, program.parameter_count, self.dtype),
            ("statistics", statistics, program.statistic_count, np.dtype(np.float64)),
        ):
            if vector.shape != (count,) or vector.dtype != dtype:
                raise ValueError(
                    f"{name} must be a vector ({count},) of {dtype}, not {vector.shape} of {vector.dtype}."
                )
        self._hold(Model(program, _frozen(parameters), _frozen(statistics)), statistics_fitted)

    def initializer_of(self, index: int) -> Initializer:
        """What a weight of instruction `index` starts from where its layer leaves it open: what suits the activation
        that follows.
        """
        return _suitable_initializer(self.program, index)

    @property
    def built(self) -> bool:
        """Whether shapes and parameters are there."""
        return self._model is not None

    @property
    def model(self) -> Model:
        """The program with its numbers, as engines take it."""
        if self._model is None:
            raise ValueError(_NOT_BUILT)
        return self._model

    @property
    def program(self) -> Program:
        """The table of instructions that the layers were made into."""
        if self._program is None:
            raise ValueError(_NOT_BUILT)
        return self._program

    @property
    def input_shape(self) -> Shape:
        """The shape of one example."""
        return self.program.input_shape

    @property
    def outputs(self) -> int:
        """The number of scores for one example."""
        return self.program.outputs

    # -- numbers -------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> Floats:
        """All parameters in one flat vector (p,), read-only."""
        return self.model.parameters

    @parameters.setter
    def parameters(self, values: Any) -> None:
        self._model = self.model._replace(parameters=self._checked(values, "parameters", self.program.parameter_count))

    @property
    def statistics(self) -> Floats:
        """All statistics in one flat vector (s,), float64, read-only."""
        return self.model.statistics

    @statistics.setter
    def statistics(self, values: Any) -> None:
        statistics = self._checked(values, "statistics", self.program.statistic_count)
        self._hold(self.model._replace(statistics=statistics), statistics_fitted=True)

    def _checked(self, values: Any, name: str, count: int) -> Floats:
        array = check_array(values, name)
        if array.shape != (count,):
            raise ValueError(f"{name} must have the shape ({count},), not {array.shape}.")
        dtype = self.dtype if name == "parameters" else np.dtype(np.float64)
        if array.dtype == dtype and not array.flags.writeable and array.flags.c_contiguous and array.base is None:
            return array  # nobody can change it: no copy
        return _frozen(array.astype(dtype, copy=True))

    def named_parameters(self) -> dict[str, Floats]:
        """Every parameter by name ("0.weight", "0.bias", …): read-only views of `parameters`."""
        return {name: view.of(self.parameters) for name, view in self.program.views().items()}

    def named_statistics(self) -> dict[str, Floats]:
        """Every statistic by name ("0.mean", …): read-only views of `statistics`."""
        return {name: view.of(self.statistics) for name, view in self.program.statistic_views().items()}

    def get(self, name: str) -> Floats:
        """One parameter or statistic by its name, "0.weight"; read-only."""
        kind, view = self._view(name)
        return view.of(getattr(self, kind))

    def set(self, name: str, values: Any) -> None:
        """Replace one parameter or statistic by its name, "0.weight"; the shape must fit."""
        self.assign({name: values})

    def assign(self, values: Mapping[str, Any]) -> None:
        """Replace parameters and statistics by their names, {"0.weight": …}: all of them, or none if one does not fit.

        Examples
        --------
        >>> import pellucid as pl
        >>> network = pl.Network([pl.Dense(1)]).build(2)
        >>> network.assign({"0.weight": [[1], [2]], "0.bias": [3]})
        >>> network.parameters
        array([1., 2., 3.], dtype=float32)
        """
        statistics = self.program.statistic_views().keys() & values.keys()
        self._hold(self._replaced(self.model, values), self.statistics_fitted or bool(statistics))

    def _replaced(self, model: Model, values: Mapping[str, Any]) -> Model:
        """A model with other values for some parameters and statistics."""
        flat = {"parameters": model.parameters, "statistics": model.statistics}
        for name, given in values.items():
            kind, view = self._view(name)
            array = check_array(given, name)
            if array.shape != view.shape:
                raise ValueError(f"{name} must have the shape {view.shape}, not {array.shape}.")
            check_finite(array, name)
            if not flat[kind].flags.writeable:
                flat[kind] = flat[kind].copy()
            view.of(flat[kind])[...] = array
        return Model(model.program, _frozen(flat["parameters"]), _frozen(flat["statistics"]))

    def _view(self, name: str) -> tuple[str, View]:
        parameters, statistics = self.program.views(), self.program.statistic_views()
        if name in parameters:
            return "parameters", parameters[name]
        if name in statistics:
            return "statistics", statistics[name]
        raise ValueError(unknown_name_message("parameter", name, [*parameters, *statistics]))

    def fit_statistics(self, x: Any) -> None:
        """Measure what `Standardize` and its kin need on training inputs x (n, *input_shape)."""
        self.measure_statistics(check_inputs(x, "x", self.input_shape))

    def measure_statistics(self, x: Array) -> None:
        """`fit_statistics` of inputs that were checked."""
        model = self.model
        for instruction in self.program.instructions:
            if type(instruction.layer).fit_statistics is Layer.fit_statistics:
                continue
            before = input_of(model, instruction.index, x)  # (n, *its input shape)
            measured = instruction.layer.fit_statistics(as_rows(before))
            model = self._replaced(model, {f"{instruction.path}.{name}": each for name, each in measured.items()})
        self._hold(model, statistics_fitted=True)

    # -- what follows for given inputs ---------------------------------------------------------------------------

    @property
    def link(self) -> str:
        """How scores become predictions: "identity", "sigmoid", "softmax" or "argmax"."""
        return self._link

    @link.setter
    def link(self, value: str) -> None:
        link = check_choice("link", value, LINKS)
        if self.target is not None:
            check_unit(link, target=self.target)
        self._link = link

    @property
    def target(self) -> TargetScaling | None:
        """The unit of the numbers it predicts, or None: that of the scores."""
        return self._target

    @target.setter
    def target(self, value: TargetScaling | None) -> None:
        if value is not None:
            if not isinstance(value, TargetScaling):
                raise TypeError(f"target must be a TargetScaling or None, not {value!r:.80}.")
            check_unit(self.link, target=value)
            if self._program is not None:
                value.check(self.outputs)
        self._target = value

    def encode(self, y: Any, loss: Loss, output_shape: Shape | None = None) -> Array:
        """Targets y as the loss takes them, in the unit of the scores, at every position: classes (n, …), or numbers
        (n, …, outputs).
        """
        targets = encode_targets(loss, y, self.program.output_shape if output_shape is None else output_shape)
        if self.target is None:
            return targets
        check_unit(link_of(loss, targets, self.program.output_shape), str(loss), self.target)
        return self.target.standardized(targets)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes 0, 1, …, or None."""
        return self._classes

    @classes.setter
    def classes(self, names: Sequence[object] | None) -> None:
        if isinstance(names, str):
            raise TypeError(f"classes must be a list of names, not the text {names!r:.60}.")
        given = None if names is None else tuple(str(name) for name in names)
        check_once("classes", given or ())
        if self._program is not None:
            check_counts(given, None, self.link, self.program)
        self._classes = given

    @property
    def features(self) -> tuple[Feature, ...] | None:
        """The names and kinds of the numbers in a row, or None."""
        return self._features

    @features.setter
    def features(self, values: Sequence[object] | None) -> None:
        given = None if values is None else as_features(values)
        if self._program is not None:
            check_counts(None, given, self.link, self.program)
        self._features = given

    @property
    def preprocessing(self) -> TableEncoder | None:
        """How the columns of a table become the numbers of a row, or None."""
        return self._preprocessing

    @preprocessing.setter
    def preprocessing(self, encoder: TableEncoder | None) -> None:
        if encoder is not None and not (hasattr(encoder, "transform") and hasattr(encoder, "layout")):
            raise TypeError(f"preprocessing must be a TableEncoder or None, not {encoder!r:.60}.")
        if self._program is not None:
            self._check_preprocessing(encoder, self.program)
        self._preprocessing = encoder

    def _check_preprocessing(self, encoder: TableEncoder | None, program: Program) -> None:
        if encoder is not None and (encoder.layout.width,) != program.input_shape:
            raise ValueError(
                f"The preprocessing makes rows of {encoder.layout.width} numbers, but the network takes rows of the "
                f"shape {program.input_shape}."
            )

    def check_names(self, link: str | None = None, program: Program | None = None) -> None:
        """Raise if classes or features have names, and not as many as there are of them."""
        if program is not None or self._program is not None:  # before, nobody knows how many there are
            check_counts(self.classes, self.features, link or self.link, program or self.program)
            self._check_preprocessing(self.preprocessing, program or self.program)

    def scores(self, x: Any) -> Floats:
        """The last layer's outputs, (n, outputs), for rows x (n, *input_shape), before `target`. Dropout is absent.

        An engine computes them: the formulas are in `pellucid.engines.reference.forward`, which the native engine
        equals to rounding.

        Raises
        ------
        FloatingPointError
            If a score is NaN, as after a training that diverged; so do `predict`, `predict_proba` and `evaluate`.

        Examples
        --------
        >>> import numpy as np, pellucid as pl
        >>> from pellucid.engines.reference import forward
        >>> network, x = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1)], engine="reference").build(2), np.eye(2)
        >>> scores, _ = forward(network.model, x)
        >>> np.array_equal(network.scores(x), scores)
        True
        """
        model = self.model
        x = check_inputs(x, "x", model.program.input_shape)
        return self._scores(model, x)

    def _scores(self, model: Model, x: Array, softmax: bool = False) -> Floats:
        """Scores of checked rows x; before a `softmax` they must be finite enough to have one."""
        scores = self.engines.choose(model.program)[0].scores(model, x)
        if not surely_finite(scores):
            with np.errstate(invalid="ignore"):  # ∞ − ∞
                self._check_numbers(model, x, scores - scores.max(axis=-1, keepdims=True) if softmax else scores)
        return scores

    def _check_numbers(self, model: Model, x: Array, numbers: Floats) -> None:
        """Raise if numbers (n, …) that follow from rows x are NaN."""
        rows = np.flatnonzero(np.isnan(numbers.reshape(len(x), -1)).any(axis=1))
        if rows.size:
            _, place = first_overflow(model, x[rows[:1]])
            raise FloatingPointError(
                f"The network's output is NaN for {rows.size:,} of {len(x):,} rows, first row {rows[0]}, though their "
                f"numbers are finite{place and f': {place}'}. Usually its training diverged: train it again with a "
                f"lower learning rate, or load an earlier one. Or these rows are far larger than those it was trained "
                f"on."
            )

    def predict(self, x: Any) -> Array:
        """What the network says of rows x (n, *input_shape).

        Returns
        -------
        array
            Classes (n,) after training on classes (ties: the lowest); 1 or 0 for each yes-or-no output; the numbers
            themselves otherwise, in the unit of `target`, quantiles in order. With a single output (n,), else
            (n, outputs).
        """
        model = self.model
        x = check_inputs(x, "x", model.program.input_shape)
        scores = self._scores(model, x, self.link == "softmax")  # (n, …, outputs)
        answer = predictions(as_rows(scores), self.link, self.target)
        answer = answer if self.loss is None else self.loss.ordered(answer)
        return answer.reshape(*scores.shape[:-1], *answer.shape[1:])

    def predict_proba(self, x: Any) -> Floats:
        """Probabilities (n, K) of the classes; (n, 2) for a single yes-or-no output; for several independent ones the
        probability of each yes, (n, outputs).

        Raises
        ------
        ValueError
            If the network was trained with a loss that knows no probabilities.
        """
        if self.link != "softmax":
            scores = self.scores(x)  # (n, …, outputs)
            answer = probabilities(as_rows(scores), self.link)
            return answer.reshape(*scores.shape[:-1], -1)
        model = self.model
        if self._with_softmax is None or self._with_softmax[0] is not model.program:
            layers = [*self.layers, Softmax()]
            self._with_softmax = (model.program, compile_program(layers, model.program.input_shape))
        program = self._with_softmax[1]  # the same parameters: a softmax has none
        x = check_inputs(x, "x", program.input_shape)
        return self._scores(model._replace(program=program), x)

    def loss_and_gradient(
        self,
        x: Any,
        y: Any,
        *,
        loss: Loss | str | None = None,
        penalty: Penalty | None = None,
        sample_weight: Any = None,
    ) -> tuple[float, Floats]:
        """The mean loss over the rows (plus the penalty), and its gradient with respect to all parameters.

        Dropout is absent, so that this is a function of the parameters alone.

        Returns
        -------
        loss : float
        gradient : array (p,)
            In the layout of `parameters`.
        """
        x, targets, chosen, weight = self._examples(x, y, loss, sample_weight)
        engine, _ = self.engines.choose(self.program, loss=chosen, penalty=penalty)
        return engine.loss_and_gradient(self.model, chosen, penalty, x, targets, weight)

    @explains_arguments
    def evaluate(
        self,
        x: Any,
        y: Any,
        *,
        loss: Loss | str | None = None,
        sample_weight: Any = None,
        metrics: Metrics | None = None,
    ) -> dict[str, float]:
        """The mean loss on rows x with targets y, `accuracy` for classes or `r2` for numbers, and further metrics.

        With a `target` the loss is that of (y − mean)/scale, as in training; r2 is that of `predict`.

        Parameters
        ----------
        metrics : sequence or mapping
            Names ("balanced_accuracy", "f1", "auc", "rmse", "mae"), functions of (y, predictions) that return a number,
            or such functions by name. A function whose second argument is named `scores` or `probabilities` gets these.

        Examples
        --------
        >>> import numpy as np, pellucid as pl
        >>> network = pl.Network([pl.Identity()]).build(2)
        >>> scores, y = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]]), [0, 1, 1]
        >>> def margin(y, scores):
        ...     return (scores.max(axis=1) - scores.min(axis=1)).mean()
        >>> values = network.evaluate(scores, y, loss="softmax_cross_entropy", metrics=["balanced_accuracy", margin])
        >>> {name: round(value, 2) for name, value in values.items()}
        {'loss': 0.86, 'accuracy': 0.67, 'balanced_accuracy': 0.75, 'margin': 1.67}
        """
        return self.measure(self.scores, x, y, loss=loss, sample_weight=sample_weight, metrics=metrics)

    def measure(
        self,
        scored: Callable[[Array], Floats],
        x: Any,
        y: Any,
        *,
        loss: Loss | str | None = None,
        sample_weight: Any = None,
        metrics: Metrics | None = None,
    ) -> dict[str, float]:
        """As `evaluate`, of the scores (n, outputs) that a function answers for rows x in the network's place."""
        wanted = find_metrics(metrics)
        x, targets, chosen, weight = self._examples(x, y, loss, sample_weight)
        answers = ScoredExamples.of(chosen, scored(x), targets, self.target, weight)
        with np.errstate(invalid="ignore"):  # what is NaN is reported
            values = chosen.values(answers.scores, answers.targets)  # (n·,)
        self._check_numbers(self.model, x, values)
        return {"loss": weighted_mean(values, answers.weight), **answers.usual(), **measured(wanted, answers)}

    def _examples(
        self, x: Any, y: Any, loss: Loss | str | None, sample_weight: Any
    ) -> tuple[Array, Array, Loss, Floats | None]:
        chosen = self.loss if loss is None else find_loss(loss)
        if chosen is None:
            raise ValueError(
                "The network was not trained yet, so it has no loss: pass one, for example loss=SoftmaxCrossEntropy()."
            )
        x = check_inputs(x, "x", self.input_shape)
        targets = self.encode(y, chosen)
        check_same_length(x=x, y=targets)
        return x, targets, chosen, check_sample_weight(sample_weight, len(x))

    # -- copies --------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the engines, which are made anew where the network is unpacked."""
        left_out = {"engines": self.engines.name, "_with_softmax": None}
        return {**self.__dict__, **left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Numbers come back read-only, as they were."""
        self.__dict__.update(state)
        self.engines = EngineChoice(state["engines"], self.threads)
        if self._model is not None:
            for values in (self._model.parameters, self._model.statistics):
                values.flags.writeable = False

    # -- words ---------------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """A table of the layers with shapes and numbers of parameters."""
        lines = [text_table(self._rows(), words=2)]
        if self.target is not None:
            lines.append(f"predictions: {self.target.describe(self.link)}")
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [("layer", "", "output", "parameters")]
        for instruction in self.program.instructions if self.built else ():
            shape = " × ".join(map(str, instruction.output_shape))
            rows.append((instruction.path, str(instruction.layer), shape, f"{instruction.parameter_count:,}"))
        if not self.built:
            rows += [(str(index), str(layer), "?", "?") for index, layer in enumerate(self.layers)]
        rows.append(("", "", "total", f"{self.program.parameter_count:,}" if self.built else "?"))
        return rows

    def _repr_html_(self) -> str:
        """The table of `summary`, in a notebook."""
        return html_table(self._rows(), numbers=2)

    def __repr__(self) -> str:
        """The layers, and the number of parameters once it is known."""
        size = f", {counted(self.program.parameter_count, 'parameter')}" if self.built else ", not built"
        return f"Network([{', '.join(map(str, self.layers))}], dtype={self.dtype.name!r}{size})"


def _suitable_initializer(program: Program, index: int) -> Initializer:
    instruction, name = program.instructions[index], None
    while name is None and program.readers[instruction.target]:
        instruction = program.readers[instruction.target][0]
        name = instruction.layer.preferred_initializer
    return find_initializer(name or "glorot_uniform", "initializer")


def encode_targets(loss: Loss, y: Any, output_shape: Shape) -> Array:
    """Targets y (n, *positions) or (n, *positions, outputs) as the loss takes them, at every position."""
    positions = output_shape[:-1]
    if not positions:
        return loss.encode(y, output_shape[-1])
    y = check_array(y, "y")
    if y.shape[1 : 1 + len(positions)] != positions:
        raise ValueError(
            f"y must have a target at every position of the output, (n, {', '.join(map(str, positions))}) or with the "
            f"{output_shape[-1]} outputs behind, but its shape is {y.shape}. Flatten() makes one "
            f"output of all positions."
        )
    targets = loss.encode(y.reshape(-1, *y.shape[1 + len(positions) :]), output_shape[-1])
    return targets.reshape(len(y), *positions, *targets.shape[1:])


def link_of(loss: Loss, targets: Array, output_shape: Shape) -> str:
    """How scores become predictions for targets as the loss takes them, (n, *positions) or (n, *positions, outputs)."""
    return loss.link(targets.reshape(-1, *targets.shape[len(output_shape) :]))


def _frozen(array: Floats) -> Floats:
    """The array, read-only from here on."""
    array.flags.writeable = False
    return array
