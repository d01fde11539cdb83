"""How a picture or video was made, in the terms of IPTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from draglab.media.provenance.switches import mark_wanted
from draglab.public_models.catalogue import read_catalogue

if TYPE_CHECKING:
    from draglab.media.edit_file import EditFile

EDITED = "Edited with draglab: points of a GAN image were dragged."
GENERATED = "Generated with draglab: made by a GAN."
PHOTO_EDITED = "Edited with draglab: points of a photo that a GAN had reproduced were dragged."
PHOTO_REPRODUCED = "Generated with draglab: a photo as a GAN reproduces it."
PUT_BACK = "Edited with draglab: a part of this photo was changed by a GAN."

Source = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "dataDrivenMedia"]
"""Terms of https://cv.iptc.org/newscodes/digitalsourcetype/: made by a trained model; a photo or other media with
parts made by a trained model; a drawing of data."""
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""What the URI of every such term begins with."""
MOST_EDITS = 16
"""Number of rounds whose settings are told, so that files stay small."""

_ZOO = Path(__file__).resolve().parents[2] / "zoo"


SettingValue = bool | int | float | Annotated[str, Field(max_length=300)] | None


class _Fixed(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class RoundNote(_Fixed):
    """What a file says of a round: the number of its points, and its settings by name."""

    points: int = Field(ge=0)
    settings: dict[Annotated[str, Field(max_length=100)], SettingValue]


class Origin(_Fixed):
    """How a picture or video was made. It holds nothing about the person or the machine: no paths, no names of files.

    The image of a photo's copy in the model is `trainedAlgorithmicMedia`, as all its pixels are the model's; where an
    edit is put back into the photo, the whole is `compositeWithTrainedAlgorithmicMedia`.
    """

    source: Source
    description: str = Field(max_length=500)
    model: str | None = Field(default=None, max_length=100)
    """Name of a model that everybody can have; None = somebody's own, of which only the hash is told."""
    model_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Of the weights; of a photo, those of the model before it was tuned, where they are known."""
    seed: int | None = None
    photo: bool = False
    """Whether it was made from a photo."""
    dragged: bool = False
    """Whether points were dragged."""
    rounds: int = Field(default=0, ge=0)
    """Number of rounds of dragging; 0 if they are not known."""
    edits: tuple[RoundNote, ...] = Field(default=(), max_length=MOST_EDITS)
    """Their points and settings; no more than the first MOST_EDITS."""
    marked: bool = False
    """Whether the picture bears a visible mark (mark.py)."""

    @property
    def uri(self) -> str:
        """The source's URI at IPTC."""
        return SOURCES + self.source

    def with_mark(self, mark: bool) -> Origin:
        """Return this origin with the visible mark, if it is asked for here or was before."""
        return self.model_copy(update={"marked": self.marked or mark})


def generated(model: str, sha256: str | None, seed: int | None = None, photo: bool = False) -> Origin:
    """Return the origin of a model's image.

    Args:
        model: the model's name or path. sha256: of its weights. photo: whether it shows a photo's copy in the model.
    """
    name = public_name(model)
    details = [f"Model {name}" if name else "A model of one's own", *([] if seed is None else [f"seed {seed}"])]
    return Origin(
        source="trainedAlgorithmicMedia",
        description=f"{PHOTO_REPRODUCED if photo else GENERATED} {', '.join(details)}.",
        model=name,
        model_sha256=sha256 or None,
        seed=seed,
        photo=photo,
        marked=mark_wanted(),
    )


def edited(
    rounds: Sequence[tuple[int, Mapping[str, SettingValue]]],
    model: str,
    sha256: str | None,
    seed: int | None = None,
    photo: bool = False,
    put_back: bool = False,
) -> Origin:
    """Return the origin of a dragged image, or of a video of the drag.

    Args:
        rounds: number of points and settings of each round; none = they are not known.
        model, sha256, seed: see :func:`generated`.
        photo: whether it began with a photo. put_back: whether the picture is that photo, with the edit put back.
    """
    return Origin(
        source="compositeWithTrainedAlgorithmicMedia" if put_back else "trainedAlgorithmicMedia",
        description=PUT_BACK if put_back else PHOTO_EDITED if photo else EDITED,
        model=public_name(model),
        model_sha256=sha256 or None,
        seed=seed,
        photo=photo or put_back,
        dragged=True,
        marked=mark_wanted(),
        rounds=len(rounds),
        edits=tuple(RoundNote(points=points, settings=dict(settings)) for points, settings in rounds[:MOST_EDITS]),
    )


def edited_by(edit: EditFile, put_back: bool = False) -> Origin:
    """Return the origin of what an edit file makes; see :func:`edited`. Of a photo, the tuned model's hash is told."""
    return edited(
        [(len(one.points), one.settings) for one in edit.rounds],
        edit.model.name,
        edit.model.sha256,
        getattr(edit.start, "seed", None),
        photo=edit.model.name.lower().endswith(".draglab"),
        put_back=put_back,
    )


def drawn(description: str) -> Origin:
    """Return the origin of a drawing of data, such as a map of differences."""
    return Origin(source="dataDrivenMedia", description=description)


def public_name(name: str) -> str | None:
    """Return the name of a bundled or public model; None for any other, as it may say something about a person."""
    return name if name in _public_names() else None


@cache
def _public_names() -> frozenset[str]:
    models = read_catalogue().models
    published = {name for model in models for name in (model.alias, Path(model.file).stem)}
    return frozenset(published | {path.stem for path in _ZOO.glob("*.safetensors")})
