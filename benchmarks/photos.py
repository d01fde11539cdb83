"""Invert a folder of photos, and drag them.

    python -m benchmarks.photos FOLDER [--model ffhq-1024-mobile] [--preset fast] [--set tuning_steps=80 ...] [--drag]
    python -m benchmarks.photos FOLDER --name steps80 --set tuning_steps=80 --pivots default --drag   # tuning alone
    python -m benchmarks.photos FOLDER --drag --again [--stitch]  # once more the drags of photos that are inverted
    python -m benchmarks.photos --generated 6 --drag   # the same drags of the model's own faces, to compare with
    python -m benchmarks.photos FOLDER --model heads --whole  # pictures that are framed already

Prints a line for each photo: LPIPS of the mean face, of the projection and after the tuning, the distance of dlib's
descriptors, seconds (of the clock, and of the processor), peak memory of the process so far. With --drag, the tip of
the nose, the chin and the corner of the mouth are dragged by 6 % of the width, and dlib judges how far from the target
they end; a contact sheet shows photo, inversion, edits, and the edits put back into the photo.

Rows go to OUT/photos_NAME.jsonl, a line as soon as a photo is done; what is there already is not made again, so that a
run that was ended goes on. The inverted photos and sheets are kept beside it. Photos of people: keep them to yourself.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import draglab
from benchmarks.drags import parse_changes
from draglab import DragEdit, DragSettings, InversionSettings, InvertedPhoto
from draglab.files import write_atomically
from draglab.generators import Generator, to_uint8
from draglab.inversion import Inversion, cut, read_photo, whole_frame
from draglab.inversion.report import SAME_FACE
from draglab.inversion.tuning import Tuning
from draglab.perception import MULTI_PIE, DlibLandmarks, FaceDescriptor, identity_distance

HERE = Path(__file__).resolve().parent
PRESETS = {
    "default": InversionSettings,
    "fast": InversionSettings.fast,
    "best": InversionSettings.best,
    "pti": InversionSettings.pti,
}
REACH = 0.06
"""Length of a drag, relative to the width."""
DRAGS = {"nose tip": (1.0, 0.0), "chin": (0.0, -1.0), "left mouth corner": (-0.8, -0.6)}
"""Landmark -> direction in which it is dragged."""
FIRST_SEED = 900
LIMIT = 30
"""Most steps of a drag."""
CELL = 512
"""Height of the pictures of a contact sheet."""
KINDS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


def invert_photo(
    generator: Generator,
    path: Path,
    settings: InversionSettings,
    whole: bool = False,
    pivot: torch.Tensor | None = None,
) -> tuple[InvertedPhoto, dict[str, Any]]:
    """Invert a photo; return it and its row.

    Args:
        whole: whether the photo is framed already. pivot: w_plus to tune at, in place of a projection.
    """
    clock, processor = time.perf_counter(), time.process_time()
    pixels = read_photo(path).pixels
    frame = whole_frame((pixels.shape[0], pixels.shape[1]), generator.img_shape) if whole else None
    inversion = Inversion(generator, pixels, frame, settings)
    if pivot is not None:
        inversion.tuning = Tuning(generator, inversion.likeness, settings, pivot)
    mean = generator.w_avg[None, None].repeat(1, generator.num_ws, 1)
    with torch.no_grad():
        mean_lpips = float(inversion.likeness.as_seen(generator.image(mean)))
    course = [round(step.lpips, 4) for step in inversion]
    photo = inversion.photo()
    quality = photo.quality
    row = {
        "photo": path.name,
        "mean face": mean_lpips,
        "projection": quality.lpips_projection,
        "tuned": quality.lpips,
        "frame": round(inversion.frame.size, 1),
        "compared": quality.compared,
        "at 256": quality.lpips_enlarged,
        "identity": quality.identity,
        "error": quality.mean_absolute_error,
        "spread": quality.spread,
        "steps": [quality.projection_steps, quality.tuning_steps],
        "seconds": time.perf_counter() - clock,
        "cpu seconds": time.process_time() - processor,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "course": course,
    }
    return photo, row


def drag_face(
    generator: Generator, w_plus: torch.Tensor, judge: DlibLandmarks, describe: FaceDescriptor
) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8], torch.Tensor]]:
    """Drag the face in an image in each of the ways; yield rows, images and latents after the drags."""
    before = to_uint8(generator.image(w_plus))[0]
    landmarks, described = judge([before])[0], describe([before])[0]
    width = generator.img_resolution
    for name, way in DRAGS.items():
        handle = landmarks[MULTI_PIE.index(name)]
        target = handle + np.array(way) * REACH * width
        if not np.isfinite(handle).all() or not (target >= 0).all() or not (target < width).all():
            continue
        settings = DragSettings.for_model(generator, max_steps=LIMIT)
        result = draglab.drag(generator, w_plus, DragEdit([handle], [target]), settings)
        after = result.image()
        found = judge([after])[0][MULTI_PIE.index(name)]
        rows, columns = np.mgrid[:width, :width]
        around = np.maximum(abs(columns - handle[0]), abs(rows - handle[1])) < (REACH + 0.125) * width
        row = {
            "drag": name,
            "judged": float(np.linalg.norm(found - target)) / width * 100,
            "tracked": float(result.distances[0]) / width * 100,
            "steps": result.steps,
            "stop": result.stop_reason,
            "identity": float(identity_distance(described, describe([after])[0])),
            "changed outside": float(np.abs(after.astype(float) - before)[~around].mean()),
        }
        yield row, after, result.w_plus


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the means of the photos' columns, and of the drags by landmark."""
    lines = []
    if any("tuned" in row for row in rows):
        for key in ("mean face", "projection", "tuned", "at 256", "identity", "error", "seconds", "cpu seconds"):
            values = [row[key] for row in rows if row.get(key) is not None]
            if values:
                lines.append(f"{key}: mean {np.mean(values):.3f}, worst {max(values):.3f}, n {len(values)}")
        known = [row["identity"] for row in rows if row.get("identity") is not None]
        lines.append(f"identity below {SAME_FACE}: {sum(one < SAME_FACE for one in known)} of {len(rows)}")
    dragged = [(row, one) for row in rows for one in row.get("drags", [])]
    for name in [*DRAGS, None] if dragged else []:
        chosen = [(row, one) for row, one in dragged if name in (None, one["drag"])]
        if not chosen:
            continue
        judged = [one["judged"] for _, one in chosen if np.isfinite(one["judged"])]
        identity = [one["identity"] for _, one in chosen if np.isfinite(one["identity"])]
        outside = np.mean([one["changed outside"] for _, one in chosen])
        ratios = [one["changed outside"] / row["error"] for row, one in chosen if "error" in row]
        ratio = f" ({np.mean(ratios):.2f} times the inversion's error)" if ratios else ""
        lines.append(
            f"{name or 'all drags'}: judged {np.mean(judged):.2f} % of the width (median {np.median(judged):.2f}, n "
            f"{len(judged)} of {len(chosen)}), identity {np.mean(identity):.2f}, changed outside {outside:.1f} of 255"
            f"{ratio}, {np.mean([one['steps'] for _, one in chosen]):.1f} steps"
        )
    return "\n".join(lines)


def contact_sheet(
    photo: InvertedPhoto, edits: Sequence[NDArray[np.uint8]], stitched: Sequence[NDArray[np.uint8]]
) -> Image.Image:
    """Return a sheet; above: photo, inversion, edits; below: photo, where the inversion differs, edits in the photo.

    Args:
        stitched: the photo with the edits put back and stitched, for a third row; may be empty.
    """

    def framed(whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cut(whole, photo.frame, photo.generator.img_shape)

    rows = [[photo.crop(), photo.image(), *edits]]
    rows += [[photo.crop(), photo.heat_map(), *(framed(photo.paste(edit)) for edit in edits)]]
    if stitched:
        rows += [[photo.crop(), photo.image(), *map(framed, stitched)]]
    return Image.fromarray(np.concatenate([np.concatenate([fitted(one) for one in row], 1) for row in rows]))


def fitted(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture at the height of a sheet's cell."""
    size = (round(CELL * pixels.shape[1] / pixels.shape[0]), CELL)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of photos")
    parser.add_argument("--model", default="ffhq-1024-mobile")
    parser.add_argument("--preset", choices=list(PRESETS), default="default")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="changes to the preset")
    parser.add_argument("--only", nargs="*", help="names of the photos to take")
    parser.add_argument("--whole", action="store_true", help="the photos are framed already")
    parser.add_argument("--pivots", metavar="NAME", help="tune at the latents of these results, without a projection")
    parser.add_argument("--generated", type=int, default=0, help="drag so many faces of the model instead")
    parser.add_argument("--drag", action="store_true", help="drag the faces as well")
    parser.add_argument("--stitch", action="store_true", help="put the edits back with stitching as well")
    parser.add_argument("--again", action="store_true", help="drag what was dragged already once more")
    parser.add_argument("--name", help="name of the results; the preset's if left out")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder of the results")
    args = parser.parse_args(arguments)
    if (args.folder is None) == (args.generated == 0):
        parser.error("give either a folder of photos or --generated")
    settings = PRESETS[args.preset](**parse_changes(args.set))
    generator = draglab.load_generator(args.model)
    out = args.out / f"photos_{args.name or ('generated' if args.generated else args.preset)}"
    out.mkdir(parents=True, exist_ok=True)
    kept = out.with_suffix(".jsonl")
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    known = {row["photo"]: row for row in rows}
    judges = (DlibLandmarks(), FaceDescriptor()) if args.drag else None

    def keep(row: dict[str, Any]) -> None:
        known[row["photo"]] = row
        with write_atomically(kept) as temporary:
            temporary.write_text("".join(json.dumps(one) + "\n" for one in known.values()))

    paths = [Path(f"seed{FIRST_SEED + index}") for index in range(args.generated)]
    if args.folder is not None:
        paths = sorted(path for path in args.folder.iterdir() if path.suffix.lower() in KINDS)
    for path in paths:
        row = known.get(path.name)
        complete = row is not None and (not args.drag or ("drags" in row and not args.again))
        if complete or (args.only and path.stem not in args.only):
            continue
        photo = None
        if args.generated:
            row, face, w_plus = {"photo": path.name}, generator, generator.w_plus_from_seed(int(path.name[4:]), 0.7)
        else:
            file = out / f"{path.stem}.draglab"
            if row is not None and file.is_file():
                photo = draglab.load_photo(file, model=generator)
            else:
                pivots = None if args.pivots is None else args.out / f"photos_{args.pivots}" / file.name
                pivot = None if pivots is None else draglab.load_photo(pivots, model=generator).w_plus
                photo, row = invert_photo(generator, path, settings, args.whole, pivot)
                photo.save(file)
                keep(row)
            face, w_plus = photo.generator, photo.w_plus
        edits: list[NDArray[np.uint8]] = []
        stitched: list[NDArray[np.uint8]] = []
        if judges is not None:
            drags = []
            for one, after, edited in drag_face(face, w_plus, *judges):
                drags.append(one)
                edits.append(after)
                if photo is not None:
                    name = f"{path.stem}_{one['drag'].replace(' ', '_')}"
                    Image.fromarray(after).save(out / f"{name}.png")
                    Image.fromarray(photo.paste(after)).save(out / f"{name}_pasted.png")
                if photo is not None and args.stitch:
                    stitched.append(photo.stitch(edited))
                    Image.fromarray(stitched[-1]).save(out / f"{name}_stitched.png")
            row = {**row, "drags": drags}
            if photo is None and edits:
                pictures = [to_uint8(face.image(w_plus))[0], *edits]
                Image.fromarray(np.concatenate([fitted(one) for one in pictures], 1)).save(out / f"{path.stem}.png")
            keep(row)
        if photo is not None:
            contact_sheet(photo, edits, stitched).save(out / f"{path.stem}.png")
        shown = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        print("  ".join(f"{key} {value}" for key, value in shown.items() if key not in ("course", "drags")), flush=True)
    print(summary(list(known.values())))


if __name__ == "__main__":
    main()
