"""Public models: their list, their licences and their download. Needs no torch."""

from draglab.downloads.catalogue import Catalogue, Licence, PublicModel, read_catalogue
from draglab.downloads.checking import verify
from draglab.downloads.folder import ModelFolder
from draglab.downloads.pulling import pull

__all__ = ["Catalogue", "Licence", "ModelFolder", "PublicModel", "pull", "read_catalogue", "verify"]
