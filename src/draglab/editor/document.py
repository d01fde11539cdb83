"""A session's history on disk, and the generators, latents and masks of its nodes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragSettings
from draglab.editor.history import History
from draglab.editor.journal import Journal
from draglab.editor.photo import StoredPhoto, photo_path
from draglab.editor.settings import changed_settings, read_settings
from draglab.editor.state import ModelFacts, Node, Point, StartSpec
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import Mask
from draglab.media.edit_file import SettingValue
from draglab.media.images import decode_mask, encode_mask, feathered

Source = str | StoredPhoto
"""What a generator is made of: a model, by its name, or a photo's file with tuned weights."""
GeneratorOf = Callable[[Source], Generator]
"""Function that returns the generator of a source; the owner of the generators decides how long each is kept."""


class Document:
    """A session's history on disk.

    Args:
        journal, id: the journal that holds the session, and the session's id.
        generator_of: returns generators; called whenever one is needed, so that none is held here.

    Attributes:
        history: everything recorded so far.
        preview: points as a gesture has them now, not recorded yet; None = as recorded.
    """

    def __init__(self, journal: Journal, id: str, generator_of: GeneratorOf) -> None:
        self.journal, self.id, self.generator_of = journal, id, generator_of
        self.history = History()
        self.preview: tuple[Point, ...] | None = None

    def read(self) -> None:
        """Read the history from the journal. A round that was running when its process ended becomes "interrupted".

        Raises:
            DraglabError: there is no such session.
        """
        for entry in self.journal.entries(self.id):
            self.history.apply(entry)
        for node in list(self.history.nodes.values()):
            if node.round is not None and node.round.end is None:
                self.record("end", {"node": node.id, "reason": "interrupted"})

    def record(self, kind: str, body: dict[str, Any], data: bytes | None = None) -> int:
        """Append a change to the journal, apply it to the history, and return its number."""
        entry = self.journal.append(self.id, self.history.last + 1, kind, body, data)
        self.history.apply(entry)
        return entry.number

    def record_points(self, points: Sequence[Point]) -> None:
        """Record points if they differ from the current ones."""
        if tuple(points) != self.history.node.points:
            self.record("points", {"parent": self.history.cursor, "points": [asdict(point) for point in points]})

    def record_mask(self, mask: NDArray[np.bool_] | None, feather: float) -> None:
        """Record a mask and the softness of its edges, pixels, if they differ from the current ones."""
        present, softness = self.mask(self.history.node)
        if mask is None or mask.all():
            same, mask = present is None, None
        else:
            same = present is not None and np.array_equal(present, mask) and softness == feather
        if not same:
            body = {"parent": self.history.cursor, "given": mask is not None, "feather": feather}
            self.record("mask", body, None if mask is None else base64.b64decode(encode_mask(mask)))

    def record_settings(self, settings: DragSettings) -> None:
        """Record settings if they differ from the current ones."""
        changed = changed_settings(settings, self.suited_settings)
        if changed != self.history.settings:
            self.record("settings", {"changed": changed})

    @property
    def points(self) -> tuple[Point, ...]:
        """All points; within a gesture, as the gesture has them now."""
        return self.history.node.points if self.preview is None else self.preview

    @property
    def suited_settings(self) -> Mapping[str, SettingValue]:
        """Settings that suit the current model, as far as they are not the defaults."""
        return self.history.models[self.history.node.start_id].drag_settings

    def settings(self, changed: Mapping[str, SettingValue] | None = None) -> DragSettings:
        """Return the settings of the next drag; `changed` replaces those that a person has changed.

        Raises:
            DraglabError: an unknown name, or a value that is not allowed.
        """
        return read_settings({**self.suited_settings, **(self.history.settings if changed is None else changed)})

    def photo(self, start: StartSpec) -> StoredPhoto | None:
        """Return the file of a start's photo; None = the start is no photo."""
        if start.photo is None:
            return None
        return StoredPhoto(photo_path(self.journal.file.folder, start.photo.file), start.model)

    def generator_for(self, start: StartSpec) -> Generator:
        """Return the generator of a start's image.

        Raises:
            DraglabError: the model or the photo's file is missing.
        """
        return self.generator_of(self.photo(start) or start.model)

    def generator(self, node: Node) -> Generator:
        """Return the generator of a node's image.

        Raises:
            DraglabError: the model is missing, or is not the one that the image was made with.
        """
        start = self.history.start_of(node)
        generator = self.generator_for(start)
        if generator.sha256 != self.history.models[node.start_id].sha256:
            raise DraglabError(
                f"the model {start.model} is another one than when this was made: put the old file back, or start anew"
            )
        return generator

    def latent(self, latent_id: int, generator: Generator) -> Tensor:
        """Return the latent [1, num_ws, w_dim] that an entry holds."""
        values = np.frombuffer(self.journal.data(self.id, latent_id), dtype="<f4")
        shaped = values.reshape(1, generator.num_ws, generator.w_dim).astype(np.float32)
        return torch.from_numpy(shaped).to(generator.device, generator.dtype)

    def latent_of(self, node: Node, frame: int | None = None) -> int:
        """Return the entry that holds a node's latent, or that of a frame of a round, 0 = before the first step."""
        if frame is None:
            return node.latent_id
        found = self.history.frame(node, frame)
        if found is not None:
            return found.latent_id
        assert node.parent is not None
        return self.history.nodes[node.parent].latent_id

    def mask(self, node: Node) -> tuple[NDArray[np.bool_] | None, float]:
        """Return a node's mask, bool [H, W], True = movable, or None = everything; and its edges' softness, pixels."""
        if node.mask_id is None:
            return None, 0.0
        text = base64.b64encode(self.journal.data(self.id, node.mask_id)).decode("ascii")
        return decode_mask(text), self.history.feathers[node.mask_id]

    def movable(self, node: Node) -> Mask | None:
        """Return a node's mask with soft edges, as a drag takes it; None = everything may move."""
        mask, feather = self.mask(node)
        return None if mask is None else feathered(mask, feather)


def latent_bytes(w_plus: Tensor) -> bytes:
    """Encode a latent [1, num_ws, w_dim] as the journal stores it: float32, little-endian."""
    return w_plus.detach().float().cpu().numpy().astype("<f4").tobytes()


def facts_of(generator: Generator) -> ModelFacts:
    """Return the facts about a generator that the history stores."""
    height, width = generator.img_shape
    suited = dict(generator.drag_settings)
    return ModelFacts(generator.sha256, width, height, generator.num_ws, generator.w_dim, generator.c_dim, suited)
