"""The training of a network as one program in plain NumPy, for whoever wants to read all of it at once.

`program.py` puts it together: `network.py` writes forward and backward, `loop.py` the loss, the step and the loop. The
lines themselves stand in tables: `layers.py` has those of the layers, `parts.py` those of losses, optimizers,
penalties, schedules and first weights, `functions.py` what they call.
"""

from pellucid.formats.training_source.export_training import training_program, write_training

__all__ = ["training_program", "write_training"]
