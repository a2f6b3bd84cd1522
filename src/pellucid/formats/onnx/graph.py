"""An ONNX graph in the making.

Contract: values are known by their names. `constant` puts numbers into the file and returns their name, `node` adds an
operator behind its inputs and returns its output's name; both take over `dtype`, float64 in front of the network where
it only scales and float32 from there on. `model` is the whole as the message that is written to a file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.formats.onnx.package import IR_VERSION, ML, ML_OPSET, OPSET, onnx_module
from pellucid.typing import Shape

ROWS = "rows"
"""The name of the dimension that may have any size."""


class Graph:
    """Nodes in the order they are computed in, and the numbers they need.

    Parameters
    ----------
    dtype : dtype
        What floating-point constants are written as, until it is assigned anew.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.prefix = ""
        """What the names of new values begin with: the layer's place in the network."""
        self._helper = onnx_module("onnx.helper")
        self._numpy = onnx_module("onnx.numpy_helper")
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def constant(self, values: Any, name: str) -> str:
        """Numbers (in `dtype`), whole numbers (int64), truth values or strings, by the name `prefix` + `name`."""
        array = np.asarray(values)
        kinds: dict[str, Any] = {"f": self.dtype, "i": np.int64, "b": np.bool_}
        array = array.astype(kinds.get(array.dtype.kind, object))
        full = self._free(f"{self.prefix}{name}", self._constants)
        self._constants[full] = self._numpy.from_array(np.ascontiguousarray(array).reshape(array.shape), full)
        return full

    def node(self, operator: str, *inputs: str, output: str | None = None, unused: int = 0, **attributes: Any) -> str:
        """One operator behind its inputs; the name of its first output (`output`, if given), of `unused` more ones."""
        name = f"{self.prefix}{operator}_{len(self._nodes)}"
        result = name if output is None else output
        results = [result, *(f"{name}.{number}" for number in range(1, unused + 1))]
        self._nodes.append(self._helper.make_node(operator, inputs, results, name=name, **attributes))
        return result

    def cast(self, value: str, dtype: npt.DTypeLike) -> str:
        """The value in another dtype."""
        return self.node("Cast", value, to=self._element(dtype))

    def input(self, name: str, dtype: npt.DTypeLike, shape: Shape) -> str:
        """What the graph is given: (rows, *shape)."""
        self._inputs.append(self._helper.make_tensor_value_info(name, self._element(dtype), [ROWS, *shape]))
        return name

    def column(self, name: str, dtype: npt.DTypeLike) -> str:
        """One column of a table as an input of its own: (rows, 1); the name of its values."""
        self.input(name, dtype, (1,))
        return name

    def output(self, name: str, dtype: npt.DTypeLike, columns: int | None) -> None:
        """What the graph answers under this name: (rows, columns), or (rows,) for None."""
        shape = [ROWS] if columns is None else [ROWS, columns]
        self._outputs.append(self._helper.make_tensor_value_info(name, self._element(dtype), shape))

    def model(self, **about: Any) -> Any:
        """The graph as an onnx.ModelProto, with what is said `about` it (producer_name, doc_string …).

        Nodes and constants that no output needs are left out.
        """
        needed, nodes = {output.name for output in self._outputs}, list[Any]()
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                nodes.insert(0, node)
                needed.update(node.input)
        constants = [values for name, values in self._constants.items() if name in needed]
        graph = self._helper.make_graph(nodes, "network", self._inputs, self._outputs, constants)
        sets = [self._helper.make_opsetid("", OPSET)]
        if any(node.domain == ML for node in nodes):
            sets.append(self._helper.make_opsetid(ML, ML_OPSET))
        return self._helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION, **about)

    def _element(self, dtype: npt.DTypeLike) -> int:
        """ONNX' number for a dtype; `object` stands for strings."""
        return int(self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _free(self, name: str, taken: dict[str, Any]) -> str:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        return free
