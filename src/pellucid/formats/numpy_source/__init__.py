"""A network as one Python file that predicts with NumPy alone: no Pellucid, nothing to install.

It computes as the reference engine does: scaling in double precision, the rest in the network's own. `write_numpy` is
the entrance; `program.py` writes the steps of a network, `answers.py` what follows from its scores.
"""

from pellucid.formats.numpy_source.export_numpy import write_numpy

__all__ = ["write_numpy"]
