"""The OpenAPI document describes every parameter, and the service conforms to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import UNMEASURED
from push_client import BIND
from servers import HASH

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "30")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_service_conforms_to_its_document(client, tmp_path):
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", "--no-color", "--seed=1"),
            *(f"--max-examples={EXAMPLES}", "--header", f"Authorization: NVX {HASH}"),
            f"{client.http.base_url}/openapi.json",
        ],
        env=UNMEASURED
        | {
            "SCHEMATHESIS_HOOKS": "openapi_hooks",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No issues found" in result.stdout, result.stdout
    assert "Tested: 4" in result.stdout


def test_every_parameter_of_a_body_is_documented(sqlite_client):
    document, again = (sqlite_client.http.get("/openapi.json").json() for _ in range(2))
    assert document == again
    content = document["paths"][BIND]["post"]["requestBody"]["content"]
    documented = {
        media_type: [
            sorted(document["components"]["schemas"][ref["$ref"].rsplit("/")[-1]]["properties"])
            for ref in body["schema"]["oneOf"]
        ]
        for media_type, body in content.items()
    }
    every_parameter = ["application", "category_filter", "hash", "parameters", "token"]
    assert documented == {
        "application/json": [every_parameter, every_parameter],
        "application/x-www-form-urlencoded": [
            ["application", "category_filter", "hash", "token"],
            every_parameter,
        ],
    }


def test_every_parameter_has_a_description(sqlite_client):
    schemas = sqlite_client.http.get("/openapi.json").json()["components"]["schemas"]
    undescribed = [
        (title, name)
        for title in ("DeviceBinding", "DeviceBindingForm", "BrowserBinding", "BrowserBindingForm")
        for name, schema in schemas[title]["properties"].items()
        if "description" not in schema
    ]
    assert undescribed == []


def descriptions(node):
    """Iterate over the descriptions in an OpenAPI document."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "description" and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from descriptions(value)


def test_descriptions_are_sentences(sqlite_client):
    document = sqlite_client.http.get("/openapi.json").json()
    found = list(descriptions(document))
    assert len(found) > 20
    assert [each for each in found if not each.endswith(".") or each[0].islower()] == []
