"""`draglab bench`: the paper's experiments and lists of edits, measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from draglab.cli.arguments import Class, Device, Json, Model, finite, parse_class
from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.evaluation.experiment import Experiment
    from draglab.evaluation.instruments import Instruments
    from draglab.evaluation.methods import Method
    from draglab.evaluation.pair_list import PairList
    from draglab.generators import Generator

MOST_EDITS = 1_000_000

bench = typer.Typer(
    name="bench", help="Measure models, methods and settings: the paper's experiments, and lists of edits.",
    no_args_is_help=True,
)  # fmt: skip

Run = Annotated[
    Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the run; the same command goes on with it.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", metavar="NAME[:SETTING=VALUE,...]",
        help="What drags, a row each; repeatable: default, first-order, paper, freedrag, stabledrag, "
        "user-controllable-lt; with changes as in default:r1=6 or paper:tracker=flow (nearest, flow, template, "
        "forward-only, none).",
    ),
]  # fmt: skip
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of all methods; repeatable.")
]
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", metavar="NAME=VALUE,VALUE", help="Run every method with each of these values; repeatable."),
]
Judge = Annotated[
    str | None,
    typer.Option(
        help="heads, dlib, mediapipe-face, mediapipe-hands, none, or a file; what suits the model if left out."
    ),
]
Steps = Annotated[int, typer.Option("--steps", min=1, max=100_000, help="Most steps of a drag.")]
Retry = Annotated[bool, typer.Option("--retry", help="Run edits again that broke in an earlier session.")]
Psi = Annotated[float, typer.Option(callback=finite, min=-10, max=10, help="Truncation psi of the images.")]
Seed = Annotated[int, typer.Option("--first-seed", min=0, max=2**32 - 10, help="First seed of the images.")]
Pairs = Annotated[int, typer.Option("--pairs", min=1, max=100_000, help="Number of pairs.")]
Fid = Annotated[
    Path | None,
    typer.Option(
        "--fid", metavar="FILE", help="Inception-v3 weights of pytorch-fid, for FID in place of AlexNet's distance."
    ),
]


@bench.command()
def landmarks(
    output: Run,
    model: Model = "heads",
    points: Annotated[
        list[str] | None, typer.Option("--points", help="Numbers of landmarks that are dragged: 1 5 68.")
    ] = None,
    more_points: Annotated[list[str] | None, typer.Argument(metavar="POINTS", hidden=True)] = None,
    pairs: Pairs = 200,
    method: Methods = None,
    pairs_only: Annotated[
        bool, typer.Option("--pairs-only", help="Drag nothing: look for pairs, and measure them without an edit.")
    ] = False,
    changes: Set = None,
    variations: Vary = None,
    judge: Judge = None,
    truncation: Psi = 0.7,
    class_name: Class = None,
    first_seed: Seed = 100_000,
    pair_list: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="A published list of pairs in place of the rule.")
    ] = None,
    fid: Fid = None,
    steps: Steps = 300,
    retry: Retry = False,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Drag the landmarks of one face to those of another (the paper's table 1)."""
    counts = _counts([*(points or []), *(more_points or [])])
    from draglab.evaluation.landmarks import LandmarkExperiment
    from draglab.evaluation.pair_list import load_pairs

    methods = [] if pairs_only else _methods(method, changes, variations, steps)
    listed = _pair_list(truncation, first_seed, class_name) if pair_list is None else load_pairs(pair_list)
    wanted = pairs if listed.listed is None else min(pairs, len(listed.listed))
    generator = _open(model, device, methods)
    tools = _instruments(generator, judge, fid)
    _run(LandmarkExperiment(generator, methods, tools, listed, wanted, counts), output, retry, as_json)


def _counts(texts: list[str]) -> list[int]:
    """Read numbers of points: "1 5 68", "1,5,68", or repeated options."""
    parts = [part for text in texts for part in text.replace(",", " ").split()] or ["1", "5", "68"]
    if not all(part.isascii() and part.isdigit() and 0 < int(part[:9]) < 10_000 for part in parts):
        raise DraglabError(f"--points {' '.join(parts)[:80]!a} cannot be read: give numbers such as 1 5 68")
    return sorted({int(part) for part in parts})


def _pair_list(truncation: float, first_seed: int, class_name: str | None) -> PairList:
    from draglab.evaluation.pair_list import PairList

    chosen = parse_class(class_name)
    return PairList(truncation, first_seed, of_class=tuple(chosen) if isinstance(chosen, list) else chosen)


def _methods(
    given: list[str] | None, changes: list[str] | None, variations: list[str] | None, steps: int
) -> list[Method]:
    from draglab.evaluation.methods import parse_method, vary

    specs = vary(given or ["default"], variations or [])
    if len(set(specs)) < len(specs):
        raise DraglabError("a method is given twice: leave one of them out")
    return [parse_method(spec, steps, changes or []) for spec in specs]


def _open(model: str, device: str | None, methods: list[Method]) -> Generator:
    """Load a model, with the statistics that its methods may need."""
    from draglab.checkpoints import load_generator
    from draglab.checkpoints.statistics import add_statistics
    from draglab.cli.statistics import statistics_progress

    generator = load_generator(model, device=device)
    settings = [each.settings(generator) for each in methods]
    if generator.statistics is None and any(one.descent in ("auto", "gauss-newton") for one in settings):
        with statistics_progress() as progress:
            add_statistics(generator, progress)
    return generator


def _instruments(generator: Generator, judge: str | None, fid: Path | None, identity: bool = False) -> Instruments:
    from draglab.evaluation.instruments import Instruments, open_judge
    from draglab.evaluation.naturalness import LatentDistribution
    from draglab.perception import FaceDescriptor

    detector, name = open_judge(judge, generator)
    features = None
    if fid is not None:
        from draglab.perception.inception import InceptionFeatures

        features = InceptionFeatures(fid)
    described = FaceDescriptor() if identity else None
    return Instruments(LatentDistribution(generator), detector, name, features=features, identity=described)


def _run(experiment: Experiment, output: Path, retry: bool, as_json: bool) -> None:
    """Run an experiment with progress, and sum it up, also after Ctrl-C."""
    import json

    from draglab.cli.run_progress import RunProgress
    from draglab.evaluation.machine import describe_session
    from draglab.evaluation.results import write_results
    from draglab.evaluation.run_folder import open_run
    from draglab.evaluation.runner import run_cases

    stopped = False
    with open_run(output, experiment.config, describe_session(experiment.generator.device)) as run:
        notes = [f"{run.dropped} damaged lines were dropped: their edits are run again"] if run.dropped else []
        try:
            with RunProgress() as progress:
                run_cases(experiment, run, progress.update, retry)
        except KeyboardInterrupt:
            stopped = True
            notes.append("stopped: the same command goes on")
        table, rows = write_results(experiment, run, pictures=not stopped)
        summary: dict[str, Any] = {"run": str(output), "stopped": stopped, "notes": notes}
        if as_json:
            print(json.dumps({**summary, "rows": [row.as_json() for row in rows]}))
        else:
            print("\n".join([table, *notes, f"wrote {output}"]))
    if stopped:
        raise KeptBest


@bench.command()
def pairs(
    output: Run,
    model: Model = "heads",
    pairs: Pairs = 100,
    layers: Annotated[
        int | None, typer.Option(min=1, max=1000, help="First layers that are mixed; what a drag edits if left out.")
    ] = None,
    method: Methods = None,
    changes: Set = None,
    variations: Vary = None,
    truncation: Psi = 0.7,
    class_name: Class = None,
    first_seed: Seed = 100_000,
    steps: Steps = 100,
    retry: Retry = False,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Drag an image to a slight change of it, along the optical flow (the paper's table 2). Needs the extra flow."""
    from draglab.evaluation.optical_flow import OpticalFlow
    from draglab.evaluation.pairs import PairExperiment

    OpticalFlow()  # its absence is told before a model is loaded
    methods = _methods(method, changes, variations, steps)
    generator = _open(model, device, methods)
    tools = _instruments(generator, "none", None)
    listed = _pair_list(truncation, first_seed, class_name)
    _run(PairExperiment(generator, methods, tools, listed, pairs, layers), output, retry, as_json)


@bench.command()
def drags(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Edits: lines of JSON, an edit file, or a list of drags.")
    ],
    output: Run,
    model: Model = "heads",
    edits: Annotated[int | None, typer.Option(min=1, max=100_000, help="Only the first so many edits.")] = None,
    method: Methods = None,
    changes: Set = None,
    variations: Vary = None,
    judge: Judge = None,
    identity: Annotated[bool, typer.Option("--identity", help="Distance of dlib's face descriptors as well.")] = False,
    back: Annotated[bool, typer.Option("--back/--no-back", help="Drag back, too, for the CCSD.")] = True,
    fid: Fid = None,
    steps: Steps = 300,
    retry: Retry = False,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure any list of edits."""
    from draglab.evaluation.edit_list import load_edits
    from draglab.evaluation.edits import EditExperiment

    listed, content = load_edits(file)
    methods = _methods(method, changes, variations, steps)
    generator = _open(model, device, methods)
    tools = _instruments(generator, judge, fid, identity)
    _run(EditExperiment(generator, methods, tools, listed, content, edits, back), output, retry, as_json)


@bench.command()
def report(
    a: Annotated[str, typer.Argument(metavar="A", help="A run of one method, or RUN/METHOD.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What is compared with it.")],
    as_json: Json = False,
) -> None:
    """Compare two methods on the same edits: paired differences with bootstrap intervals."""
    import json

    from draglab.evaluation.comparison import compare, comparison_table, find_side

    first, second = find_side(a), find_side(b)
    rows = compare(first, second)
    if as_json:
        print(json.dumps({"a": a, "b": b, "differences": [row.as_json() for row in rows]}))
    else:
        print(comparison_table(first, second, rows))


@bench.command()
def ablate(
    what: Annotated[str, typer.Argument(metavar="landmarks|pairs|FILE", help="The experiment, or a list of edits.")],
    output: Run,
    variations: Annotated[
        list[str],
        typer.Option("--vary", metavar="NAME=VALUE,VALUE", help="A setting and its values, a row each; repeatable."),
    ],
    grid: Annotated[
        bool, typer.Option("--grid", help="Every combination of the values, not one change of the method at a time.")
    ] = False,
    method: Annotated[str, typer.Option("--method", help="The method that is changed; its own row is the first.")] = (
        "default"
    ),
    model: Model = "heads",
    edits: Annotated[int, typer.Option("--edits", min=1, max=100_000, help="Number of edits or pairs a row.")] = 40,
    points: Annotated[int, typer.Option("--points", min=1, max=9999, help="Landmarks that are dragged.")] = 1,
    changes: Set = None,
    judge: Judge = None,
    truncation: Psi = 0.7,
    class_name: Class = None,
    first_seed: Seed = 100_000,
    steps: Steps = 300,
    retry: Retry = False,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Change the settings of a method: block, radius, W or W+, layers, lambda, step size, ... each value a row."""
    from draglab.evaluation.edit_list import load_edits
    from draglab.evaluation.edits import EditExperiment
    from draglab.evaluation.landmarks import LandmarkExperiment
    from draglab.evaluation.methods import parse_method, vary
    from draglab.evaluation.pairs import PairExperiment

    listed, content = ([], b"") if what in ("landmarks", "pairs") else load_edits(Path(what))
    varied = vary([method], variations) if grid else [one for each in variations for one in vary([method], [each])]
    methods = [parse_method(spec, steps, changes or []) for spec in dict.fromkeys([method, *varied])]
    generator = _open(model, device, methods)
    tools = _instruments(generator, "none" if what == "pairs" else judge, None)
    seeds = _pair_list(truncation, first_seed, class_name)
    if what == "landmarks":
        experiment: Experiment = LandmarkExperiment(generator, methods, tools, seeds, edits, [points])
    elif what == "pairs":
        experiment = PairExperiment(generator, methods, tools, seeds, edits)
    else:
        experiment = EditExperiment(generator, methods, tools, listed, content, edits, back=False)
    _run(experiment, output, retry, as_json)
