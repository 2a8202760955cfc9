"""The document and its page: valid, complete, and true to the routes and fields."""

import json
import re

import pytest
from openapi_spec_validator import validate

from tests.architecture.source import ROOT
from tests.factories import make_lead
from webapp.api.document import openapi
from webapp.api.document.contract import Contract
from webapp.app import create_app


@pytest.fixture(scope="session")
def dialect():
    """The document needs no database."""
    return "sqlite"


@pytest.fixture
def document(app):
    return app.test_client().get("/openapi.json").json


def test_the_document_is_valid_openapi_3_1(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_route_of_the_api_has_a_contract_and_stands_in_the_document(app, document):
    found = list(openapi.operations(app))
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    assert {rule.endpoint for rule, *_ in found} == {rule.endpoint for rule in rules}
    for rule, method, contract, view in found:
        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)
        assert isinstance(contract, Contract)
        assert document["paths"][path][method.lower()]["summary"] == contract.summary
        assert view.__doc__


def test_a_field_of_the_team_is_in_the_document(settings, tmp_path):
    fields = '[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"\nmax = 50\n'
    path = tmp_path / "fields.toml"
    path.write_text(fields)
    app = create_app(settings.model_copy(update={"fields_file": path}))
    schema = app.test_client().get("/openapi.json").json["components"]["schemas"]["LeadRecord"]
    assert schema["properties"]["seats"]["maximum"] == 50
    assert "email_opens" in schema["properties"]
    assert schema["examples"][0]["seats"] == 1


def test_every_answer_of_an_error_is_a_problem(document):
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    shapes = {
        (status, kind)
        for operation in operations
        for status, answer in operation["responses"].items()
        for kind in answer.get("content", {})
        if status >= "400" and operation["operationId"] != "ready"
    }
    assert {kind for _, kind in shapes} == {"application/problem+json"}


def test_examples_of_bodies_are_taken(document, client, headers, write, rita):
    write(lambda s: make_lead(s, "{lead_id}"))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            media = operation.get("requestBody", {}).get("content", {})
            if "application/json" in media and operation["requestBody"]["required"]:
                shape = media["application/json"]["schema"]["$ref"]
                schema = document["components"]["schemas"][shape.rpartition("/")[2]]
                body = schema["examples"][0]
                filled = path.replace("{key}", "1")
                answer = client.open(filled, method=method.upper(), json=body, headers=headers)
                assert answer.status_code in {200, 201}, (path, answer.text)


def test_the_page_shows_every_operation_and_object(app, document):
    page = app.test_client().get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f'id="{operation["operationId"]}"' in page.text
            assert f"<strong>{method.upper()}</strong> <code>{path}</code>" in page.text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page.text


def test_the_page_has_no_script_and_no_dead_link(app):
    page = app.test_client().get("/docs")
    ids = set(re.findall(r'id="([^"]+)"', page.text))
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= ids


def test_the_guide_names_every_path(document):
    guide = (ROOT / "docs/api.md").read_text()
    assert [path for path in document["paths"] if f"`{path}`" not in guide] == []


def test_json_examples_of_the_guide_are_json():
    guide = (ROOT / "docs/api.md").read_text()
    examples = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert len(examples) >= 3
    assert all(isinstance(json.loads(example), dict) for example in examples)
