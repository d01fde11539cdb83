"""A whole architecture in one folder: "spots", soft spots of colour whose places and colours follow from w."""

from draglab.generators import Architecture, register
from tests.extending.toy_architecture.config import SpotsConfig
from tests.extending.toy_architecture.generator import Spots

register(Architecture(SpotsConfig, Spots))
