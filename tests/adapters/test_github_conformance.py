"""What the adapter asks, held against GitHub's official description and schema, and the check of that itself.

Every request that any test of the adapter makes goes through `github_world.Held`.
"""

import re
from pathlib import Path

import jsonschema
import pytest
from adapters.github_world import FACTS, description, hold_against_the_description, schema
from graphql import OperationDefinitionNode, OperationType, parse, validate

import devops_daemon.adapters.github as package
from devops_daemon.adapters.github.documents import document, names
from devops_daemon.adapters.github.transport import Outgoing

ADAPTER = Path(package.__file__).parent
HERE = description() is not None
needs_description = pytest.mark.skipif(
    not HERE, reason=f"GitHub's description is not here: {FACTS} (or set CONFORMANCE_DATA)"
)
REPO = "https://api.github.com/repos/acme/product"


@pytest.mark.parametrize("name", names())
def test_a_document_fits_githubs_official_schema(name: str) -> None:
    known = schema() or pytest.skip(f"GitHub's schema is not here: {FACTS} (or set CONFORMANCE_DATA)")
    assert validate(known, parse(document(name))) == []


@pytest.mark.parametrize("name", names())
def test_a_document_holds_one_operation_of_its_own_name(name: str) -> None:
    operations = [each for each in parse(document(name)).definitions if isinstance(each, OperationDefinitionNode)]
    assert [operation.name and operation.name.value for operation in operations] == [name]


WRITE = {"UpdateBranch"}
"""What says of which head it speaks, so that to send it twice changes nothing."""


@pytest.mark.parametrize("name", sorted(set(names()) - WRITE))
def test_a_document_only_reads_for_it_may_be_sent_again(name: str) -> None:
    operations = [each for each in parse(document(name)).definitions if isinstance(each, OperationDefinitionNode)]
    assert {operation.operation for operation in operations} == {OperationType.QUERY}


def test_every_document_is_used() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ADAPTER.glob("*.py")))
    assert [name for name in names() if f'"{name}"' not in source] == []


def test_the_vendors_packages_are_loaded_only_where_they_are_needed() -> None:
    for path in ADAPTER.glob("*.py"):
        assert not re.search(r"^(?:import|from) (?:jwt|cryptography)", path.read_text(encoding="utf-8"), re.MULTILINE)


@needs_description
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", f"{REPO}/nothing", None),
        ("DELETE", f"{REPO}/issues/7", None),
        ("GET", f"{REPO}/issues/comments?sorted=updated", None),
        ("GET", f"{REPO}/issues/comments?sort=size", None),
        ("GET", f"{REPO}/issues/comments?per_page=many", None),
        ("GET", f"{REPO}/issues/comments?since=yesterday", None),
        ("POST", f"{REPO}/issues/7/comments", {"text": "hi"}),
        ("POST", f"{REPO}/issues/comments/7/reactions", {"content": "thumbs"}),
        ("POST", "https://api.github.com/graphql", {"query": "query { nothing }"}),
    ],
)
def test_what_github_does_not_know_is_not_let_out(method: str, url: str, body: object) -> None:
    with pytest.raises((AssertionError, ValueError, jsonschema.ValidationError)):
        hold_against_the_description(Outgoing(method, url, {}, body))


@needs_description
def test_what_github_knows_is_let_out() -> None:
    hold_against_the_description(Outgoing("POST", f"{REPO}/issues/7/comments", {}, {"body": "hi"}))
    hold_against_the_description(Outgoing("GET", f"{REPO}/issues/comments?since=2026-09-01T12%3A00%3A00Z", {}))
