"""The bill of materials of a wheel."""

import hashlib
import json
import zipfile

import pytest

pytest.importorskip("packaging", reason="packaging is not installed: it comes with the extra release")
from release import sbom

ENTRIES = [
    {
        "download_info": {"url": "https://index.example/torch.whl", "archive_info": {"hashes": {"sha256": "ab" * 32}}},
        "metadata": {
            "name": "torch",
            "version": "2.13.0+cpu",
            "license_expression": "BSD-3-Clause",
            "requires_dist": ["numpy; extra == 'all'", "Typing_Extensions>=4"],
        },
    },
    {
        "download_info": {},
        "metadata": {
            "name": "typing_extensions",
            "version": "0.1",
            "license": "a whole text " * 20,
            "classifier": ["License :: OSI Approved :: Python Software Foundation License"],
        },
    },
    {
        "download_info": {"url": "file:///somewhere/draglab.whl"},
        "metadata": {
            "name": "draglab",
            "version": "0.1.0",
            "license_expression": "Apache-2.0",
            "requires_dist": ["torch>=2"],
        },
    },
]


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "draglab.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in sbom.WEIGHTS:
            archive.writestr(f"draglab/{name}", name)
    return path


def test_packages_weights_and_their_graph(wheel):
    found = sbom.describe(wheel, ENTRIES)
    parts = {part["bom-ref"]: part for part in found["components"]}
    torch = parts["pkg:pypi/torch@2.13.0%2Bcpu"]
    assert torch["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert torch["licenses"] == [{"expression": "BSD-3-Clause"}]
    typing = parts["pkg:pypi/typing-extensions@0.1"]
    assert typing["licenses"] == [{"license": {"name": "Python Software Foundation License"}}]
    heads = parts["file:draglab/zoo/heads.safetensors"]
    assert heads["type"] == "machine-learning-model"
    assert heads["hashes"][0]["content"] == hashlib.sha256(b"zoo/heads.safetensors").hexdigest()
    own = found["metadata"]["component"]
    assert own["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    graph = {node["ref"]: node["dependsOn"] for node in found["dependencies"]}
    assert graph[own["bom-ref"]] == sorted(
        ["pkg:pypi/torch@2.13.0%2Bcpu", *(f"file:draglab/{path}" for path in sbom.WEIGHTS)]
    )
    assert graph["pkg:pypi/torch@2.13.0%2Bcpu"] == ["pkg:pypi/typing-extensions@0.1"]  # not numpy: an extra
    assert set(graph) == {own["bom-ref"], *parts}


def test_no_address_of_an_index_is_told(wheel):
    text = json.dumps(sbom.describe(wheel, ENTRIES))
    assert "http" not in text
    assert "somewhere" not in text


def test_weights_that_nobody_described_end_it(wheel):
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("draglab/zoo/cats.safetensors", "new")
    with pytest.raises(SystemExit, match="cats"):
        sbom.describe(wheel, ENTRIES)


def test_the_schema(wheel):
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    schema = pytest.importorskip("cyclonedx.schema")
    text = json.dumps(sbom.describe(wheel, ENTRIES))
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None
