"""The OpenAPI document, as generators of clients see it."""

import importlib.util
import itertools
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from draglab.dragging import DragSettings
from draglab.server.setting_help import settings_schema
from tests.server.drag_requests import ROUND
from tests.server.running_server import Running, wait_for


@pytest.fixture(scope="module")
def document(server) -> dict:
    return server.api("GET", "/openapi.json").json()


def test_the_document_is_valid(document):
    pytest.importorskip("openapi_spec_validator").validate(document)


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names) and {"add_drag", "drag_status", "cancel_drag"} <= set(names)


def test_settings_are_typed_as_they_are_checked(document):
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = document["components"]["schemas"]["DragRequest"]["properties"]["settings"]
    assert schema == {"$ref": "#/components/schemas/DragSettings"}
    settings = document["components"]["schemas"]["DragSettings"]
    assert settings == settings_schema() and settings["additionalProperties"] is False
    assert set(settings["properties"]) == set(asdict(DragSettings()))
    numbers = [-1, 0, 0.5, 1, 1.5, 2, 511, 512, 513, 1000, 1001, 2**32 - 1, 2**32]
    for name, info in DragSettings.infos().items():
        values = [None, True, "w", "auto", "exact", "float32", "sum", "w_std", "other", getattr(DragSettings(), name)]
        for value in itertools.chain(values, numbers):
            taken = info.problem(value) is None
            assert validator(settings["properties"][name]).is_valid(value) == taken, (name, value)


@pytest.fixture(scope="module")
def generated(server: Running, tmp_path_factory) -> ModuleType:
    """The classes that a generator makes of the document."""
    pytest.importorskip("datamodel_code_generator")
    folder = tmp_path_factory.mktemp("client")
    source, target = folder / "openapi.json", folder / "generated_client.py"
    source.write_bytes(server.api("GET", "/openapi.json").body)
    command = [sys.executable, "-m", "datamodel_code_generator", "--input", source, "--input-file-type", "openapi"]
    command += ["--output", target, "--output-model-type", "pydantic_v2.BaseModel"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return imported(target)


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_a_generated_client_queues_a_drag_and_reads_its_status(server, generated):
    settings = generated.DragSettings(max_steps=3, patience=None, descent="adam", mask_term="exact")
    request = generated.DragRequest.model_validate({**ROUND, "settings": settings})
    answer = server.api("POST", "/drags", request.model_dump(mode="json", exclude_unset=True))
    assert answer.status == 201, answer.body
    name = generated.DragStatus.model_validate_json(answer.body).id
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["state"] == "finished")
    status = generated.DragStatus.model_validate_json(server.api("GET", f"/drags/{name}").body)
    assert status.stop_reason in ("max_steps", "arrived") and status.ended > status.created
    assert generated.DragList.model_validate_json(server.api("GET", "/drags").body).drags[0].id == name
    photo = generated.DragRequest(start={"photo": "abc"}, points=ROUND["points"])
    assert server.api("POST", "/drags", photo.model_dump(mode="json", exclude_unset=True)).status == 400
    with pytest.raises(ValueError, match="max_steps"):
        generated.DragSettings(max_steps=0)
