"""Public models that draglab knows by name: their list, their licences, and the folder of those that are downloaded."""

from draglab.public_models.catalogue import Catalogue, Licence, PublicModel, read_catalogue
from draglab.public_models.folder import ModelFolder, how_to_get

__all__ = ["Catalogue", "Licence", "ModelFolder", "PublicModel", "how_to_get", "read_catalogue"]
