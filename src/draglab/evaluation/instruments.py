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
    chosen = name or _suitable_judge(generator)
    if chosen in (None, "none"):
        return None, None
    if chosen in JUDGES:
        try:
            return JUDGES[chosen](), chosen
        except DraglabError as error:
            other = "" if name else f"; or choose another judge for {generator.name}, such as --judge none"
            raise DraglabError(f"{error}{other}") from None
    if not Path(chosen).is_file():
        raise DraglabError(f"there is no judge {chosen!a:.80}: choose of {', '.join(JUDGES)}, none, or give a file")
    return HeadLandmarks(chosen), Path(chosen).name


def _suitable_judge(generator: Generator) -> str | None:
    bundled = {"heads": "heads", "hands": "mediapipe-hands"}
    face = any(word in generator.name.lower() for word in ("ffhq", "face", "celeba"))
    return bundled.get(generator.name, "dlib" if face else None)
