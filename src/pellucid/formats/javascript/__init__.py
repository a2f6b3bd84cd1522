"""A network as one JavaScript module that predicts in a browser or in Node, without anything else.

Weights stand in it as base64 of their bytes (little-endian, in the network's own precision); sums are JavaScript's own
doubles, and what passes from layer to layer is rounded as the network rounds it. `write_javascript` is the entrance;
`program.py` writes the steps of a network, `answers.py` what follows from its scores.
"""

from pellucid.formats.javascript.export_javascript import write_javascript

__all__ = ["write_javascript"]
