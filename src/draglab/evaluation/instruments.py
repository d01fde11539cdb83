"""What edits are measured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from draglab.errors import DraglabError
from draglab.evaluation.naturalness import LatentDistribution
from draglab.generators import Generator
from draglab.perception import (
    LPIPS,
    AlexNetFeatures,
    DlibLandmarks,
    FaceDescriptor,
    HeadLandmarks,
    LandmarkDetector,
    MediapipeFace,
    MediapipeHands,
    PictureFeatures,
)

JUDGES: dict[str, Callable[[], LandmarkDetector]] = {
    "heads": HeadLandmarks,
    "dlib": DlibLandmarks,
    "mediapipe-hands": MediapipeHands,
    "mediapipe-face": MediapipeFace,
}
"""Name -> landmark detector."""


@dataclass(frozen=True)
class Instruments:
    """Judges of pictures and latents.

    Attributes:
        judge: landmark detector; None = edits are not judged. judge_name: how it was named. lpips: LPIPS.
        features: network of the Fréchet distance. latents: the model's distribution. identity: descriptor of faces.
    """

    latents: LatentDistribution
    judge: LandmarkDetector | None = None
    judge_name: str | None = None
    lpips: LPIPS = field(default_factory=LPIPS)
    features: PictureFeatures | None = None
    identity: FaceDescriptor | None = None

    @property
    def describe(self) -> PictureFeatures:
        """The network of the Fréchet distance."""
        return self.features or AlexNetFeatures(self.lpips)


def open_judge(name: str | None, generator: Generator) -> tuple[LandmarkDetector | None, str | None]:
    """Return a landmark detector and its name.

    Args:
        name: one of JUDGES, the file of a network as that of `heads`, "none"; None = that which suits the model:
            `heads` for the bundled heads, dlib for models of faces by their name, else none.

    Raises:
        DraglabError: it is not installed, or there is no such file.
    """
    if name is None:
        known = {"heads": "heads", "hands": "mediapipe-hands"}
        face = "dlib" if any(word in generator.name.lower() for word in ("ffhq", "face", "celeba")) else None
        name = known.get(generator.name, face)
    if name is None or name == "none":
        return None, None
    if name in JUDGES:
        return JUDGES[name](), name
    if not Path(name).is_file():
        raise DraglabError(f"there is no judge {name!a:.80}: choose of {', '.join(JUDGES)}, none, or give a file")
    return HeadLandmarks(name), Path(name).name
