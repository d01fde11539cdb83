"""Reading of MobileStyleGAN from OpenVINO's intermediate representation (IR): two graphs in XML, two files of weights.

The files are read in this process, not in the sandbox's child: unlike a pickle, nothing in them is a program that a
reader has to follow, one child takes one file where there are four, and the limits here (sizes before anything is
decompressed or parsed, numbers of elements and layers, no entities) bound memory and time whatever the files hold.
"""

from draglab.checkpoints.openvino.files import find_ir
from draglab.checkpoints.openvino.reading import hash_ir, read_ir

__all__ = ["find_ir", "hash_ir", "read_ir"]
