"""The network in the training program: its first parameters, what it measures, `forward` and `backward`."""

from __future__ import annotations

from pellucid.formats.training_source.layers import MEASUREMENTS, PARAMETER_NAMES, TRANSLATIONS, Lines, Place
from pellucid.formats.training_source.parts import INITIALIZERS
from pellucid.formats.training_source.source_text import WIDTH, docstring, function
from pellucid.network import Network
from pellucid.program.compilation import Instruction


class NetworkText:
    """The functions of one network. Its layers must be known: see `program.py`."""

    def __init__(self, network: Network) -> None:
        self.network, self.program = network, network.program
        self.dtype = f"np.{network.dtype.name}"
        self.places, self.lines = self._translate()
        self.result = self.lines[-1].output or self.places[-1].y
        self.statistics = any(i.statistics for i in self.program.instructions)
        self.random_step = any("step" in line for part in self.lines for line in part.forward)

    def _translate(self) -> tuple[list[Place], list[Lines]]:
        """Each layer in its place, and its lines."""
        places, lines, value = [], [], "x"
        for instruction in self.program.instructions:
            wanted = instruction.index > self.program.first_trained
            sizes = instruction.input_shape[0], instruction.output_shape[0]
            places.append(Place(instruction.layer, instruction.index, value, *sizes, wanted))
            lines.append(TRANSLATIONS[type(instruction.layer)](places[-1]))
            value = lines[-1].output or places[-1].y
        return places, lines

    def _name(self, instruction: Instruction, parameter: str) -> str:
        return f"{PARAMETER_NAMES.get(parameter, parameter)}{instruction.index}"

    def parameters(self) -> dict[str, tuple[Instruction, int]]:
        """Every parameter's name in the program, with its layer and its number there."""
        return {
            self._name(i, view.name): (i, number)
            for i in self.program.instructions
            for number, view in enumerate(i.parameters)
        }

    @property
    def weights(self) -> list[str]:
        """The names of the parameters that penalties, decay and limits are for."""
        return [name for name, (i, number) in self.parameters().items() if i.specs[number].penalized]

    def call(self, x: str, step: str = "") -> str:
        """The arguments of `forward`."""
        names = [x, "p", *(["s"] if self.statistics else []), *([step] if self.random_step and step else [])]
        return ", ".join(names)

    def forward(self) -> str:
        """`forward`."""
        n_in, n_out = self.program.input_shape[0], self.program.outputs
        lines, leading = [], self.program.leading_scalings
        double = "np.float64" if leading else self.dtype
        lines.append(f"x = np.asarray(x, dtype={double})  # (n, {n_in})")
        for place, part in zip(self.places, self.lines, strict=True):
            if leading and place.index == leading and double != self.dtype:
                lines.append(f"{place.x} = {place.x}.astype({self.dtype})")
            lines += _noted(part.forward, place)
        if leading == len(self.places) and double != self.dtype:
            lines.append(f"{self.result} = {self.result}.astype({self.dtype})")
        lines.append(f"return {self.result}, ({', '.join(self._kept())}{',' if len(self._kept()) == 1 else ''})")
        head = f"The scores (n, {n_out}) of rows x (n, {n_in}), and what `backward` needs of the way there."
        more = "With the number of a step it is a training step, without one a prediction." if self.random_step else ""
        return function(f"forward({self.call('x', 'step=None')})", [*docstring(head, more), *lines])

    def _kept(self) -> list[str]:
        """The values that `backward` needs, in the order in which they are made."""
        trained = self.lines[self.program.first_trained :]
        return list(dict.fromkeys(name for part in trained for name in part.keeps))

    def backward(self) -> str:
        """`backward`."""
        kept = self._kept()
        head = "The derivative of the loss with respect to every parameter, from that with respect to the scores."
        lines = docstring(head, "The chain rule, from the last layer back to the first.")
        lines += [f"{', '.join(kept)}{',' if len(kept) == 1 else ''} = kept"] if kept else []
        lines.append("g = {}")
        pairs = list(zip(self.places, self.lines, strict=True))[self.program.first_trained :]
        for place, part in reversed(pairs):
            lines += _noted(part.backward, place)
        return function("backward(d, kept, p)", [*lines, "return g"])

    def measure(self) -> list[str]:
        """`measure`: what is known of the data before the first step; nothing where nothing is."""
        if not self.statistics:
            return []
        lines = ['"""What the network keeps of the training rows besides its parameters."""', "s = {}"]
        measured = [place for place in self.places if type(place.layer) in MEASUREMENTS]
        if measured:
            lines.append("x = np.asarray(x, dtype=np.float64)")
        for place, part in zip(self.places, self.lines, strict=True):
            if measured and place.index <= measured[-1].index:
                lines += MEASUREMENTS[type(place.layer)](place) if place in measured else []
                lines += part.forward if place.index < measured[-1].index else []
            elif self.program.instructions[place.index].statistics:
                d = place.inputs
                lines += [f"{place.s('mean')}, {place.s('variance')} = np.zeros({d}), np.ones({d})"]
        return [function("measure(x)", [*lines, "return s"])]

    def initial(self) -> str:
        """`initial_parameters`."""
        lines = ['"""The first parameters, drawn so that a signal keeps its size from layer to layer."""', "p = {"]
        for name, (instruction, number) in self.parameters().items():
            spec = instruction.specs[number]
            initializer = spec.initializer or self.network.initializer_of(instruction.index)
            place = f"{instruction.index}, {number}"
            lines.append(f'    "{name}": {INITIALIZERS[type(initializer)](initializer, spec.shape, place)},')
        return function(
            "initial_parameters()",
            [*lines, "}", f"return {{name: values.astype({self.dtype}) for name, values in p.items()}}"],
        )


def _noted(lines: list[str], place: Place) -> list[str]:
    """The lines of a layer, the first with its name."""
    if not lines:
        return []
    code, _, comment = lines[0].partition("  # ")
    noted = f"{code}  # {place.label}{': ' if comment else ''}{comment}"
    return [noted, *lines[1:]] if len(noted) <= WIDTH else [f"# {place.label}", *lines]
