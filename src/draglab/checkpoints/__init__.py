"""Model files: reading them without running anything they contain."""

from draglab.checkpoints.native import ModelHeader, read_generator, read_header, save_generator
from draglab.checkpoints.published import config_from_published
from draglab.checkpoints.registry import ModelEntry, list_models, load_generator

__all__ = [
    "ModelEntry",
    "ModelHeader",
    "config_from_published",
    "list_models",
    "load_generator",
    "read_generator",
    "read_header",
    "save_generator",
]
