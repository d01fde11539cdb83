"""Write a dataset of portraits in shards, on several processes; stopped runs go on where they were.

`python -m recipes.heads.dataset --assets DIR --out DIR --count 20000` writes a dataset, `--sheet FILE.png` a contact
sheet of 64 portraits.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .render import Z_DIM, HeadRenderer, normalize_z

SHARD = 500
_renderer: HeadRenderer | None = None


def latent(seed: int) -> np.ndarray:
    """The normalised latent of sample number `seed`, [Z_DIM] float32."""
    return normalize_z(np.random.RandomState(seed).randn(Z_DIM).astype(np.float32))


def _start(assets: str) -> None:
    global _renderer
    # Ctrl-C goes to the parent, which ends the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _renderer = HeadRenderer(assets)


def render_shard(job: tuple[Path, int, int, int]) -> int:
    """Render samples `first` .. `first + count` into one .npz, complete or not at all."""
    path, first, count, resolution = job
    assert _renderer is not None
    z = np.stack([latent(first + i) for i in range(count)])
    images = np.empty((count, resolution, resolution, 3), np.uint8)
    landmarks, visible = np.empty((count, 68, 2), np.float32), np.empty((count, 68), bool)
    for i in range(count):
        r = _renderer.render(z[i], resolution)
        images[i], landmarks[i], visible[i] = r.image, r.landmarks, r.visible
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as f:
        np.savez(f, z=z, images=images, landmarks=landmarks, visible=visible)
    os.replace(temporary, path)
    return count


def write_dataset(assets: str, out: Path, count: int, seed: int, workers: int, resolution: int) -> None:
    """Render the missing shards, then join them to z.npy, images.npy, landmarks.npy and visible.npy in `out`."""
    shards = out / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    starts = range(0, count, SHARD)
    path = {at: shards / f"{seed + at:09d}_{min(SHARD, count - at)}_{resolution}.npz" for at in starts}
    jobs = [(path[at], seed + at, min(SHARD, count - at), resolution) for at in starts if not path[at].exists()]
    done, begin = count - sum(j[2] for j in jobs), time.time()
    print(f"{done} of {count} are there", flush=True)
    # The processes share the cores already; threads inside of them only get in each other's way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if jobs:
        with multiprocessing.get_context("spawn").Pool(workers, _start, (assets,)) as pool:
            fresh = 0
            for n in pool.imap_unordered(render_shard, jobs):
                fresh += n
                rate = (time.time() - begin) / fresh
                left = (count - done - fresh) * rate
                print(f"{done + fresh}/{count}  {1000 * rate:.1f} ms an image  {left:.0f} s left", flush=True)
    for key in ("z", "images", "landmarks", "visible"):
        rows = None
        for at in starts:
            with np.load(path[at]) as shard:
                part = shard[key]
            if rows is None:
                rows = np.lib.format.open_memmap(out / f"{key}.tmp.npy", "w+", part.dtype, (count, *part.shape[1:]))
            rows[at : at + len(part)] = part
        assert rows is not None
        rows.flush()
        os.replace(out / f"{key}.tmp.npy", out / f"{key}.npy")


def contact_sheet(assets: str, seed: int, resolution: int) -> Image.Image:
    """64 portraits, 8 by 8."""
    renderer = HeadRenderer(assets)
    tiles = [renderer.render(latent(seed + i), resolution).image for i in range(64)]
    return Image.fromarray(np.concatenate([np.concatenate(tiles[i : i + 8], 1) for i in range(0, 64, 8)]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", required=True, help="folder that holds ict_facekit/ and makehuman/")
    parser.add_argument("--out", type=Path, help="folder for the dataset")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of 64 portraits to this PNG")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--resolution", type=int, choices=(128, 256), default=256)
    args = parser.parse_args(arguments)
    if args.sheet:
        contact_sheet(args.assets, args.seed, args.resolution).save(args.sheet)
    if args.out:
        try:
            write_dataset(args.assets, args.out, args.count, args.seed, args.workers, args.resolution)
        except KeyboardInterrupt:
            raise SystemExit("stopped; the finished shards stay, run the same command to go on") from None


if __name__ == "__main__":
    main()
