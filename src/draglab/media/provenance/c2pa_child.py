"""Reads the Content Credentials of one file, as a program of its own: c2pa is native code, and the file may be hostile.

It gets {"path", "mime", "settings"} as JSON on standard input, may take limited time and memory, and prints JSON. It
imports nothing of draglab.
"""

from __future__ import annotations

import json
import sys

MEMORY = 8 << 30
"""Largest address space, in bytes; much more than c2pa takes for a large video."""
SECONDS = 300
MOST = 64
"""Most actions, ingredients and problems that are passed on."""


def main() -> None:
    _limit()
    asked = json.load(sys.stdin)
    import c2pa

    try:
        context = c2pa.Context.from_dict(asked["settings"])
        with open(asked["path"], "rb") as file, c2pa.Reader(asked["mime"], file, context=context) as reader:
            answer = _answer(reader)
    except c2pa.C2paError as error:
        answer = {"error": str(error)[:300]}
    json.dump(answer, sys.stdout)


def _answer(reader) -> dict:
    manifest = reader.get_active_manifest() or {}
    results = reader.get_validation_results() or {}
    found = [results.get("activeManifest") or {}]
    found += [each.get("validationDeltas") or {} for each in results.get("ingredientDeltas") or []]
    actions = []
    for assertion in manifest.get("assertions") or []:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            actions += (assertion.get("data") or {}).get("actions") or []
    ingredients = manifest.get("ingredients") or []
    return {
        "state": reader.get_validation_state(),
        "problems": [str(one.get("code")) for part in found for one in part.get("failure") or []][:MOST],
        "signature": manifest.get("signature_info") or {},
        "generator": [str(one.get("name")) for one in manifest.get("claim_generator_info") or []][:MOST],
        "actions": [
            {name: action.get(name) for name in ("action", "digitalSourceType", "description", "parameters")}
            for action in actions[:MOST]
        ],
        "ingredients": [str(one.get("relationship")) for one in ingredients[:MOST]],
    }


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))


if __name__ == "__main__":
    main()
