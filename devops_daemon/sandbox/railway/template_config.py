"""The config of a template as it comes back: untouched but for the values that were put in."""

import copy
import re
import secrets
from collections.abc import Iterator
from typing import Any

from devops_daemon.sandbox.railway.refusals import Refusal
from devops_daemon.sandbox.railway.templates import Template

_SECRET = re.compile(r"\$\{\{\s*secret\((?P<length>\d+)[^)]*\)\s*\}\}")


def filled(template: Template, config: object) -> dict[str, str]:
    """Read the values that were put into the config; raises Refusal if anything else of it was changed."""
    if _without_values(config) != template.config():
        raise Refusal("Invalid template config: it differs from the template's")
    return dict(_values(config))


def _without_values(config: object) -> object:
    bare = copy.deepcopy(config)
    for _, variable in _variables(bare):
        variable.pop("value", None)
    return bare


def _values(config: object) -> Iterator[tuple[str, str]]:
    for name, variable in _variables(config):
        if variable.get("value"):
            yield name, _SECRET.sub(_secret, variable["value"])
        elif not variable["isOptional"]:
            raise Refusal(f"Missing required variable {name}")


def _variables(config: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the variables of a config, of whatever shape it has come."""
    for service in _fields(_fields(config).get("services")).values():
        for name, variable in _fields(_fields(service).get("variables")).items():
            if isinstance(variable, dict):
                yield name, variable


def _fields(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _secret(found: re.Match[str]) -> str:
    length = int(found["length"])
    return secrets.token_hex(length)[:length]
