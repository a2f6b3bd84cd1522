"""The doctor: what is wrong with a training, and what to do about it.

`probe.py` measures layers at a moment, `evidence.py` holds all that is known, `units.py`, `gradients.py`, `rates.py`,
`curves.py`, `data.py` and `outputs.py` have the symptoms, `catalogue.py` says what each finding means, `doctor.py` puts
them together.
"""

from __future__ import annotations

from pellucid.inspection.doctor.catalogue import CATALOGUE, SEVERITIES
from pellucid.inspection.doctor.doctor import Doctor, diagnose, diagnose_saved
from pellucid.inspection.doctor.finding import Diagnosis, Finding, Remedy

__all__ = ["CATALOGUE", "SEVERITIES", "Diagnosis", "Doctor", "Finding", "Remedy", "diagnose", "diagnose_saved"]
