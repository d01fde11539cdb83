"""Time and memory of opening a full-size training snapshot, beside torch.load of the tensors that are taken from it.

    python -m benchmarks.opening

Writes a snapshot of config F at 1024 px (G, D and G_ema: 30 million parameters each) as NVIDIA's programs do, and, by
torch.save, a file of all its tensors and one of G_ema's alone. Each is opened in processes of their own, in turn; the
best time counts. Memory is the growth of the opening process's peak; what it uses before (Python, torch) is left out.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

_LOAD = """
import json, re, resource, sys, time
import torch
{setup}
def status(name):
    with open("/proc/self/status") as file:
        return int(re.search(name + r":\\s+(\\d+)", file.read())[1]) / 1024
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak starts from here
before = status("VmRSS")
begun = time.perf_counter()
loaded = {call}
seconds = time.perf_counter() - begun
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({{"seconds": seconds, "megabytes": status("VmHWM") - before, "child": child}}))
"""
_TORCH = ("", "torch.load(sys.argv[1], weights_only=True)")
PROGRAMS = {
    "torch.load of G_ema's tensors": _TORCH,
    "torch.load of all tensors": _TORCH,
    "draglab, the snapshot": ("from draglab.checkpoints import open_model", "open_model(sys.argv[1])"),
}


def write_files(folder: Path) -> dict[str, Path]:
    """The files, by the name of what opens them."""
    import torch

    from draglab.generators import StyleGAN2, StyleGAN2Config
    from tests.checkpoints import writers

    generator = StyleGAN2(StyleGAN2Config(1024))
    snapshot = writers.snapshot(generator)
    snapshot |= {"G": writers.module_of(generator), "D": writers.module_of(generator)}
    tensors = generator.published_tensors()
    paths = [folder / "averaged.pt", folder / "all.pt", folder / "snapshot.pkl"]
    torch.save(tensors, paths[0])
    torch.save([{name: tensor.clone() for name, tensor in tensors.items()} for _ in range(3)], paths[1])
    paths[2].write_bytes(writers.dump(snapshot))
    return dict(zip(PROGRAMS, paths, strict=True))


def measure(name: str, path: Path) -> dict[str, float]:
    """Seconds and growth of memory of one process that opens the file."""
    setup, call = PROGRAMS[name]
    code = _LOAD.format(setup=setup, call=call)
    done = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder when left out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        paths = write_files(args.folder or Path(temporary))
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in paths}
        for _ in range(args.repeats):
            for name, path in paths.items():
                runs[name].append(measure(name, path))
        first: dict[str, float] | None = None
        for name, path in paths.items():
            best = {key: min(run[key] for run in runs[name]) for key in runs[name][0]}
            first = first or best
            ratios = ", ".join(f"{best[key] / first[key]:.2f}x" for key in ("seconds", "megabytes"))
            size = path.stat().st_size / 1e6
            print(
                f"{name}: {size:.0f} MB, {best['seconds']:.3f} s, {best['megabytes']:.0f} MiB ({ratios}); "
                f"the process that reads for it: {best['child']:.0f} MiB"
            )


if __name__ == "__main__":
    main()
