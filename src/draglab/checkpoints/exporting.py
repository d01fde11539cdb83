"""Export of a model for publication: a folder with the weights and a model card, as the Hugging Face Hub shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from draglab._version import __version__
from draglab.checkpoints.converting import convert_model
from draglab.checkpoints.loader import ModelFile, inspect_file
from draglab.errors import DraglabError
from draglab.files import make_directory, write_atomically

SHOWN_ABOVE = ("stored as", "licence")
MODEL, CARD = "model.safetensors", "README.md"


def export_model(
    source: str | Path,
    folder: str | Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    half: bool = False,
    samples: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> ModelFile:
    """Write a model and its card into a folder; :func:`load_generator` opens the model there.

    Args:
        source: a file or folder of any kind that draglab opens.
        folder: made if it is missing; of its files, model.safetensors is replaced.
        name: title of the card; None = the name of the source's file.
        licence: an SPDX identifier such as "Apache-2.0", or other words; None = what the file says of itself.
        half: store the weights in half precision.
        samples: name of a picture in the folder that the card shows; None = none.
        progress: as for :func:`convert_model`.

    Returns:
        The facts about `source`.

    Raises:
        DraglabError: the model cannot be opened, its licence is not known, the folder has a README.md, which may be
            somebody's work, or it cannot be written.
    """
    source, folder = Path(source), Path(folder)
    if (folder / CARD).exists():
        raise DraglabError(
            f"{folder / CARD} is there already and would be lost: name another folder, or move the file away"
        )
    found = inspect_file(source)
    stated = licence or str(found.facts.get("licence") or "")
    if not stated.strip():
        raise DraglabError(f"{source} does not say what its licence is: give it, as in --licence Apache-2.0")
    make_directory(folder)
    convert_model(source, folder / MODEL, half, {"licence": stated}, progress)
    exported = inspect_file(folder / MODEL)
    with write_atomically(folder / CARD) as temporary:
        temporary.write_text(model_card(exported, name or source.stem, stated, samples), encoding="utf-8")
    return found


def model_card(model: ModelFile, name: str, licence: str, samples: str | None = None) -> str:
    """Return a model card in Markdown, with the metadata that the Hub reads.

    Args:
        model: the file that is published. name: title. licence: an SPDX identifier, or other words.
        samples: name of a picture beside the card.
    """
    identifier, spaced, remarks = licence.partition(" ")
    known = identifier.lower() if not spaced or remarks.startswith("(") else "other"
    metadata: dict[str, object] = {"license": known}
    if known == "other":
        metadata["license_name"] = licence
    metadata |= {
        "library_name": "draglab",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["draggan", "gan", model.config.kind, "image-editing"],
    }
    height, width = model.config.img_shape
    rows: Mapping[str, object] = {
        "architecture": model.architecture,
        "image": f"{width} x {height}",
        "classes": model.config.c_dim,
        "parameters": f"{model.parameters:,}",
        "file": f"{MODEL}, {model.bytes / 1e6:.1f} MB, {model.facts.get('stored as')}",
        "licence": licence,
        **{
            key: value
            for key, value in model.facts.items()
            if key not in ("stored as", "licence") and value is not None
        },
    }
    # JSON is YAML, and quotes whatever a file may say of itself.
    front = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in metadata.items())
    table = "".join(f"| {_cell(key)} | {_cell(value)} |\n" for key, value in rows.items())
    picture = f"![Samples]({samples})\n\n" if samples else ""
    return f"""---
{front}---

# {_cell(name)}

{picture}A generator for draglab: take hold of points in its images and drag them.

| | |
|---|---|
{table}
## Use

```
pip install 'draglab[hub]'
draglab models pull hf:OWNER/REPOSITORY
draglab edit
```

```python
import draglab

generator = draglab.load_generator("hf:OWNER/REPOSITORY")
edit = draglab.DragEdit(handles=[({width // 2}, {height // 2})], targets=[({width // 2 + width // 10}, {height // 2})])
result = draglab.drag(generator, generator.w_plus_from_seed(1), edit)
```

{MODEL} holds numbers and no code: configuration and facts are in its header, and opening it runs nothing.

## Data, limits and intended use

To be written by whoever publishes this model: what it was trained on and under which terms, whom or what its images can
resemble, what it does badly, and what it must not be used for. Exported by draglab {__version__}.
"""


def _cell(value: object) -> str:
    """Return text for a cell of a table or a heading: one line, without the characters that would end it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:500]
