"""Augmentation of images: every epoch sees each image a little mirrored, turned, moved or distorted.

What is drawn is a pure function of (seed, epoch, row): `transforms.py` has the transforms and their contract,
`images.py` applies them, `sampling.py` reads pixels at places between pixels.
"""

from __future__ import annotations

from pellucid.augmentation.images import Augmentation
from pellucid.augmentation.transforms import (
    ElasticDistortion,
    Flip,
    Mirror,
    Rotate,
    Shear,
    Transform,
    Translate,
    Zoom,
)

__all__ = ["Augmentation", "ElasticDistortion", "Flip", "Mirror", "Rotate", "Shear", "Transform", "Translate", "Zoom"]
