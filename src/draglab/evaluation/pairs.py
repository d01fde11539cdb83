"""The paper's second experiment: an image is dragged to a slight change of it, along the optical flow between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings
from draglab.evaluation.experiment import Case, Example, Experiment, Measured, Row
from draglab.evaluation.instruments import Instruments
from draglab.evaluation.landmarks import NO_EDIT, edit_key, pair_key
from draglab.evaluation.measures import lpips_distance, squared_difference
from draglab.evaluation.methods import Method
from draglab.evaluation.optical_flow import OpticalFlow, bilinear
from draglab.evaluation.pair_list import PairList
from draglab.evaluation.published import PAIRS
from draglab.evaluation.run_folder import Line, RunFolder
from draglab.evaluation.table import cell, markdown, number
from draglab.generators import Generator, to_uint8
from draglab.geometry import REFERENCE_SIZE

MIXED = 0.1
"""How far the second latent is towards another one (as UserControllableLT, Endo 2022, was trained)."""
POINTS = 32


class PairExperiment(Experiment):
    """Reconstruction of the second image of a pair by dragging the first (section 4.2 of the paper).

    The latent of the second image is that of the first, its first layers moved a tenth of the way towards an
    independent one. Handles are 32 random pixels of the first image, targets their places in the second by optical
    flow.

    Args:
        generator, methods: see :class:`Experiment`. instruments: for LPIPS.
        pairs: seeds of the first latent and of the independent one. wanted: number of pairs.
        layers: number of the first layers that are mixed; None = those that a drag edits by default.

    Raises:
        DraglabError: OpenCV is not there.
    """

    name: ClassVar = "pairs"
    score = "mse_100"
    score_title = "MSE x 100"
    measures: ClassVar = (
        "mse_100", "lpips_10", "start_mse_100", "start_lpips_10", "tracked", "steps", "seconds", "arrived",
        "naturalness",
    )  # fmt: skip

    def __init__(
        self,
        generator: Generator,
        methods: Sequence[Method],
        instruments: Instruments,
        pairs: PairList,
        wanted: int,
        layers: int | None = None,
    ):
        super().__init__(generator, methods)
        generator.class_vector(pairs.of_class)  # a class that does not fit is told now
        self.instruments, self.pairs, self.wanted = instruments, pairs, wanted
        most = DragSettings.for_model(generator).num_layers if layers is None else layers
        self.layers = min(most, generator.num_ws)
        self.flow = OpticalFlow()

    @property
    def protocol(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {
            "model": self.generator.name,
            "model_sha256": self.generator.sha256,
            "mixed": MIXED,
            "layers": self.layers,
            "points": POINTS,
            "flow": f"OpenCV {self.flow.cv2.__version__} DIS",
            **self.pairs.described(),
        }

    @property
    def size(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {"pairs": self.wanted}

    @property
    def total(self) -> int:
        """See :class:`Experiment`."""
        return self.wanted * (1 + len(self.methods))

    def cases(self, run: RunFolder) -> Iterator[Case]:
        """See :class:`Experiment`."""
        for pair in self.pairs.candidates(self.wanted):
            about = {"kind": "pair", "pair": pair, "seeds": list(self.pairs.seeds(pair))}
            yield Case(pair_key(pair), about, lambda pair=pair: self.look_at(pair))
            if run.values(pair_key(pair)) is None:
                continue
            for method in self.methods:
                about = {"kind": "edit", "method": method.spec, "pair": pair}
                yield Case(
                    edit_key(method.spec, POINTS, pair),
                    about,
                    lambda pair=pair, method=method: self.drag(run, pair, method),
                )

    def latents(self, pair: int) -> tuple[Tensor, Tensor]:
        """Return the latents of both images, [1, num_ws, w_dim]."""
        first, other = self.pairs.latents(pair, self.generator)
        second = first.clone()
        second[:, : self.layers] = first[:, : self.layers].lerp(other[:, : self.layers], MIXED)
        return first, second

    @torch.no_grad()
    def picture(self, w_plus: Tensor) -> Tensor:
        """Compute the image of a latent, [1, 3, H, W] in [-1, 1]."""
        return self.generator.image(w_plus).clamp(-1, 1)

    def look_at(self, pair: int) -> Measured:
        """Find the handles and targets of a pair, and how much its images differ."""
        images = [self.picture(latent) for latent in self.latents(pair)]
        first, second = (to_uint8(image)[0] for image in images)
        height, width = first.shape[:2]
        handles = random_pixels(width, height, POINTS, pair)
        way = bilinear(self.flow(first, second), handles)
        targets = np.clip(handles + way, 0, [width - 1, height - 1])
        far = np.linalg.norm(way, axis=1).mean() * REFERENCE_SIZE / max(height, width)
        return Measured({"flow": far, **self.compare(images[0], images[1])}, {"handles": handles, "targets": targets})

    def compare(self, image: Tensor, wanted: Tensor) -> dict[str, float]:
        """Return the differences of an image from the one that is wanted."""
        mse = squared_difference(image, wanted)
        return {"mse_100": 100 * mse, "lpips_10": 10 * lpips_distance(self.instruments.lpips, image, wanted)}

    def drag(self, run: RunFolder, pair: int, method: Method) -> Measured:
        """Drag the first image of a pair, and compare the result with the second."""
        places = run.arrays(pair_key(pair))
        first, second = self.latents(pair)
        result = method.drag(self.generator, first, DragEdit(places["handles"], places["targets"]))
        before, after, wanted = (self.picture(latent) for latent in (first, result.w_plus, second))
        values = {
            **self.compare(after, wanted),
            **{f"start_{name}": value for name, value in self.compare(before, wanted).items()},
            "tracked": float(result.distances.mean()) * REFERENCE_SIZE / max(self.generator.img_shape),
            "arrived": result.stop_reason == "arrived",
            "stop_reason": result.stop_reason,
            "steps": result.steps,
            "seconds": result.seconds,
            "naturalness": self.instruments.latents.distance(result.w_plus),
        }
        return Measured(values, {"w_plus": result.w_plus[0].float().cpu().numpy()})

    def known(self, run: RunFolder) -> list[int]:
        """Return the pairs of the run that count."""
        return [pair for pair in self.pairs.candidates(self.wanted) if run.values(pair_key(pair)) is not None]

    def edit_lines(self, run: RunFolder) -> list[Line]:
        """See :class:`Experiment`."""
        keys = [edit_key(method.spec, POINTS, pair) for pair in self.known(run) for method in self.methods]
        return [line for key in keys if (line := run.values(key)) is not None]

    def rows(self, run: RunFolder) -> list[Row]:
        """See :class:`Experiment`."""
        pairs = self.known(run)
        rows = [self.row(NO_EDIT, "", [run.lines[pair_key(pair)] for pair in pairs])]
        for method in self.methods:
            keys = [edit_key(method.spec, POINTS, pair) for pair in pairs]
            rows.append(self.row(method.spec, "", [run.lines[key] for key in keys if key in run.lines]))
        return rows

    def table(self, rows: Sequence[Row]) -> str:
        """See :class:`Experiment`."""
        head = ["", "MSE x 100", "LPIPS x 10", "s", "steps"]
        body = [
            [
                row.method,
                cell(row, "mse_100"),
                cell(row, "lpips_10"),
                *(number(row.mean(n)) for n in ("seconds", "steps")),
            ]
            for row in rows
        ]
        paper = [
            [f"*the paper: {name}, {model}*", f"{mse:g}", f"{lpips:g}", "", ""]
            for name, models in PAIRS.items()
            for model, (mse, lpips) in models.items()
        ]
        pairs = max((row.edits for row in rows if row.method == NO_EDIT), default=0)
        note = (
            f"{pairs} pairs of {self.generator.name} (psi {self.pairs.truncation:g}, {self.layers} layers mixed by "
            f"{MIXED:g}), {POINTS} points each, flow by {self.protocol['flow']}; bootstrap intervals of 95 %. Pixel "
            "values from 0 to 1. The paper does not state its range, nor its no-edit row."
        )
        return markdown(head, [*body, *paper]) + "\n" + note + "\n"

    def example(self, run: RunFolder, line: Line) -> Example:
        """See :class:`Experiment`."""
        pair = int(line["pair"])
        first, _ = self.latents(pair)
        edited = torch.from_numpy(run.arrays(line["key"])["w_plus"])[None].to(first)
        places = run.arrays(pair_key(pair))
        before, after = (to_uint8(self.picture(latent))[0] for latent in (first, edited))
        return Example(before, after, places["handles"], places["targets"])


def random_pixels(width: int, height: int, count: int, seed: int) -> NDArray[np.float64]:
    """Return different pixels of an image, [count, 2] (x, y)."""
    chosen = np.random.default_rng(seed).choice(height * width, size=count, replace=False)
    return np.stack([chosen % width, chosen // width], axis=1).astype(np.float64)
