"""Turn a training checkpoint into a model file.

    python -m recipes.heads.export --run RUN/supervised RUN/adversarial --out DIR

Writes DIR/heads.safetensors: the running average in half precision, with w_avg. Card and contact sheet are
`recipes.heads.measure`'s, which takes their figures from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recipes.exporting import export_command
from recipes.heads.model import heads_config

FACTS: dict[str, Any] = {
    "description": "Synthetic heads: pose, expression, shape, hair, light",
    "licence": "Apache-2.0 (rendered from ICT-FaceKit, MIT, and MakeHuman hair, CC0)",
    # Blocks up to 64 pixels, so that mouths and brows move by themselves.
    "drag_settings": {"num_layers": 9, "largest_step": 2.0},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    export_command(__doc__, "heads", heads_config, FACTS, arguments)


if __name__ == "__main__":
    main()
