"""A network as C99: a header, a source and a self-test, for firmware and for programs without Python.

No allocation, no library but <math.h>, the preprocessing and the softmax inside, static memory that is stated, and
names that begin with the model's, so that many live in one program. `write_c` is the entrance; `floats.py` writes float
arithmetic, `quantize.py` and `integers.py` int8.
"""

from pellucid.formats.c_source.export_c import write_c

__all__ = ["write_c"]
