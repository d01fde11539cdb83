"""Reading and writing of model files; nothing that a file contains is run."""

from draglab.checkpoints.converting import convert_model
from draglab.checkpoints.exporting import export_model, model_card
from draglab.checkpoints.loader import ModelFile, inspect_file, open_model
from draglab.checkpoints.native import ModelHeader, read_generator, read_header, save_generator
from draglab.checkpoints.registry import ModelEntry, find_model, list_models, load_generator
from draglab.generators.stylegan2 import config_from_published

__all__ = [
    "ModelEntry",
    "ModelFile",
    "ModelHeader",
    "config_from_published",
    "convert_model",
    "export_model",
    "find_model",
    "inspect_file",
    "list_models",
    "load_generator",
    "model_card",
    "open_model",
    "read_generator",
    "read_header",
    "save_generator",
]
