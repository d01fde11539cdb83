"""Export of a document as pictures, videos, edit files and latents."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import safetensors.numpy

from draglab.editor.branch import BranchRound, branch_rounds, edit_file_of
from draglab.editor.document import Document
from draglab.editor.film import FPS, Moment, pictures_between
from draglab.editor.photo import StoredPhoto
from draglab.editor.pictures import render
from draglab.editor.state import Node
from draglab.errors import DraglabError
from draglab.files import check_writable, write_atomically
from draglab.generators import Generator
from draglab.media.edit_file import save_edit_file
from draglab.media.images import save_image
from draglab.media.overlay import draw_edit
from draglab.media.provenance.origin import Origin, edited, generated
from draglab.media.video import check_video_support, open_video

Kind = Literal["png", "jpg", "webp", "mp4", "gif", "json", "npz", "safetensors", "draglab"]
Scope = Literal["image", "round", "history", "photo"]
"""For videos, "round" = the last drag and "history" = all drags of the image. For pictures, "photo" = the whole photo
with the edit put back. Other kinds export the current image."""


def export(
    document: Document, kind: Kind, scope: Scope, path: Path, stitch: bool = False, mark: bool = False
) -> Iterator[float | None]:
    """Write the current state to a file, in pieces: iterate to the end.

    The call itself checks the arguments and fixes what is written; later changes of the document have no effect.

    Args:
        stitch: with the scope "photo": whether the model is tuned until the edit fits the photo where they meet, which
            takes long.
        kind: the suffix of path, without the dot.
            "json": an edit file; "npz", "safetensors": `w_plus` [1, num_ws, w_dim] float32; "draglab": the photo with
            its latent and tuned weights, before any edit.
        mark: whether a picture or video bears the visible mark; where DRAGLAB_MARK is on, each does.

    Yields:
        the share that is done, from 0 to 1, or None where that is not known.

    Raises:
        DraglabError: an unknown kind, nothing of that kind to export, or the file cannot be written.
    """
    if kind not in get_args(Kind) or scope not in get_args(Scope):
        raise DraglabError(f"cannot export {scope!a} as {kind!a}: choose one of {', '.join(get_args(Kind))}")
    if stitch and scope != "photo":
        raise DraglabError("only a whole photo with the edit put back can be stitched: choose the scope photo")
    if path.suffix != f".{kind}":
        raise DraglabError(f"cannot write {path}: its name must end in .{kind}")
    check_writable(path)
    node = document.history.node
    if kind in ("mp4", "gif"):
        check_video_support(path)
        rounds = branch_rounds(document)
        if scope == "image" or not rounds:
            raise DraglabError("there is no drag to make a video of: drag something first, or export the image")
        filmed = rounds if scope == "history" else rounds[-1:]
        origin = _origin(document, node, filmed).with_mark(mark)
        return _video(document, document.generator(node), filmed, path, origin)
    if kind == "json":
        edit = edit_file_of(document)
        return _once(lambda: save_edit_file(path, edit))
    if kind in ("npz", "safetensors"):
        return _once(lambda: _save_latent(document, node, path))
    if scope == "photo" or kind == "draglab":
        photo = document.photo(document.history.start_of(node))
        if photo is None:
            raise DraglabError("this image is not a photo: export the image")
        if kind == "draglab":
            return _once(lambda: _copy(photo.path, path))
        if not branch_rounds(document):
            raise DraglabError("nothing was dragged yet, so the photo is as it was: drag something first")
        origin = _origin(document, node, branch_rounds(document), put_back=True).with_mark(mark)
        if stitch:
            return _stitching(document, node, photo, path, origin)
        return _once(_pasting(document, node, photo, path, origin))
    origin = _origin(document, node, branch_rounds(document)).with_mark(mark)
    generator = document.generator(node)
    latent = document.latent(node.latent_id, generator)
    return _once(lambda: save_image(path, render(generator, latent), origin))


def _origin(document: Document, node: Node, rounds: list[BranchRound], put_back: bool = False) -> Origin:
    """Return what the file of an image, or of a video of rounds, says."""
    start, sha256 = document.history.start_of(node), document.history.models[node.start_id].sha256
    if (photo := document.photo(start)) is not None:
        # The history has the hash of the tuned weights, which say nothing to anybody else.
        with suppress(DraglabError):
            sha256 = photo.content().info.model_sha256
    if not rounds and not document.history.nodes[node.start_id].kept:
        return generated(start.model, sha256, start.seed, photo is not None)
    notes = [(len(each.record.handles), each.record.settings) for each in rounds]
    return edited(notes, start.model, sha256, start.seed, photo is not None, put_back)


def _once(write: Callable[[], None]) -> Iterator[float | None]:
    write()
    yield


def _copy(source: Path, path: Path) -> None:
    try:
        with write_atomically(path) as temporary:
            shutil.copyfile(source, temporary)
    except FileNotFoundError:
        raise DraglabError("the photo's file is no longer there: open the photo again") from None


def _pasting(document: Document, node: Node, photo: StoredPhoto, path: Path, origin: Origin) -> Callable[[], None]:
    """Return a function, for any thread, that writes the whole photo with the edit put back."""
    generator = document.generator(node)
    start = document.history.nodes[node.start_id]
    before, after = (document.latent(each.latent_id, generator) for each in (start, node))
    return lambda: save_image(path, photo.paste(render(generator, before), render(generator, after)), origin)


def _stitching(document: Document, node: Node, photo: StoredPhoto, path: Path, origin: Origin) -> Iterator[float]:
    """Return an iterator, for any thread, that writes the whole photo with the edit stitched into it."""
    generator = document.generator(node)
    start = document.history.nodes[node.start_id]
    before, after = (document.latent(each.latent_id, generator) for each in (start, node))

    def pieces() -> Iterator[float]:
        whole = yield from photo.stitch(generator, render(generator, before), after)
        save_image(path, whole, origin)

    return pieces()


def _save_latent(document: Document, node: Node, path: Path) -> None:
    model, name = document.history.models[node.start_id], document.history.start_of(node).model
    data = document.journal.data(document.id, node.latent_id)
    w_plus = np.frombuffer(data, dtype="<f4").reshape(1, model.num_ws, model.w_dim)
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".npz":
            np.savez(file, w_plus=w_plus)
        else:
            facts = {"model": name, "model_sha256": model.sha256}
            file.write(safetensors.numpy.save({"w_plus": np.ascontiguousarray(w_plus)}, facts))


def _video(
    document: Document, generator: Generator, rounds: list[BranchRound], path: Path, origin: Origin
) -> Iterator[float | None]:
    """Write each round from its first image on; the first and the last image stand still for a second."""
    with open_video(path, origin, FPS) as video:
        latent = document.latent(document.latent_of(rounds[0].node, 0), generator)
        for number, run in enumerate(rounds):
            before, step = Moment(latent, np.array(run.record.handles)), 0
            if number == 0:
                picture = render(generator, latent)
                movable = document.movable(run.node)
                video.add(draw_edit(picture, run.record.handles, run.record.targets, movable), repeat=FPS)
                yield
            for frame in run.frames:
                latent = document.latent(frame.latent_id, generator)
                after = Moment(latent, np.array(frame.handles))
                for picture in pictures_between(generator, before, after, run.record.targets_after(step)):
                    video.add(picture)
                    yield
                before, step = after, frame.step
        video.add(render(generator, latent), repeat=FPS)
    yield
