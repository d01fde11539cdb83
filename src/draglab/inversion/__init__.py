"""Real photos: from a photo to a latent and a tuned generator, and from an edit back into the photo."""

from draglab.inversion.faces import FramedFace, find_faces, find_frame
from draglab.inversion.framing import Frame, cut, face_frame, parse_box, whole_frame
from draglab.inversion.inverted_photo import InvertedPhoto, load_photo
from draglab.inversion.pasting import paste_back
from draglab.inversion.reading import Picture, decode_photo, read_photo
from draglab.inversion.report import QualityReport
from draglab.inversion.run import Inversion, InversionStep, invert
from draglab.inversion.settings import InversionSettings

__all__ = [
    "Frame",
    "FramedFace",
    "Inversion",
    "InversionSettings",
    "InversionStep",
    "InvertedPhoto",
    "Picture",
    "QualityReport",
    "cut",
    "decode_photo",
    "face_frame",
    "find_faces",
    "find_frame",
    "invert",
    "load_photo",
    "parse_box",
    "paste_back",
    "read_photo",
    "whole_frame",
]
