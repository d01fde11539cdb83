"""Turn a training checkpoint into a model file.

    python -m recipes.hands.export --run RUN/autoencoder RUN/adversarial --out DIR

Writes DIR/hands.safetensors: the running average in half precision, with w_avg. Card and contact sheet are
`recipes.hands.measure`'s, which takes their figures from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recipes.exporting import export_command
from recipes.hands.model import hands_config

FACTS: dict[str, Any] = {
    "description": "Hands that sign the digits 0 to 9: fingers to bend and spread",
    "licence": "Apache-2.0 (trained on the Sign Language Digits Dataset, copyright 2017 Arda Mavi, Apache-2.0)",
    # Judged by hand landmarks, Gauss-Newton steps are a little worse here, and change more of the rest.
    "drag_settings": {"descent": "first-order"},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    export_command(__doc__, "hands", hands_config, FACTS, arguments)


if __name__ == "__main__":
    main()
