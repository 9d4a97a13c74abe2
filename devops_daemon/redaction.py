"""Keep secrets out of text: the values that the settings name, and what is shaped like a token.

Sources of the shapes: GitHub's token formats, Stripe's, Slack's, AWS's and OpenAI's key prefixes, RFC 7519 (JWT),
RFC 7468 (PEM), RFC 3986 section 3.2.1 (userinfo).
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

MASK = "[redacted]"

_SHAPES = re.compile(
    r"""
      \bgh[pousr]_[A-Za-z0-9]{16,}                                   # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bglpat-[A-Za-z0-9_-]{16,}                                     # GitLab
    | \bsk[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{16,}                      # OpenAI, Anthropic, Stripe
    | \b(?:rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,}                               # Slack
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                                  # AWS
    | \bAIza[A-Za-z0-9_-]{35}                                        # Google
    | \bnpm_[A-Za-z0-9]{30,}
    | \bpypi-[A-Za-z0-9_-]{30,}
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*      # JWT
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_USERINFO = re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://)[^\s/@'\"<>]+@", re.IGNORECASE)
_NAMED = re.compile(
    r"""(?P<keep>
          (?:\b|_) (?:api[-_]?key|access[-_]?token|refresh[-_]?token|auth[-_]?token|client[-_]?secret
             |password|passwd|pwd|secret|token|x-devops-secret|x-feedback-secret|project-access-token) \b
          ["']? \s* [=:] \s* ["']?
        | \b(?:bearer|basic)\s+ (?=[^\s"']*[\d+/=._-]|[^\s"']{24})
        )
        (?!\[redacted\])[^\s"'&,;<>)}\]]{4,}""",
    re.IGNORECASE | re.VERBOSE,
)


class Redactor:
    """Masks what must not be read; made once from the secret values of the settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """Mask every secret in `text`; masking twice changes nothing more."""
        if self._known:
            text = self._known.sub(MASK, text)
        text = _SHAPES.sub(MASK, text)
        text = _USERINFO.sub(rf"\g<keep>{MASK}@", text)
        return _NAMED.sub(rf"\g<keep>{MASK}", text)

    def value(self, value: Any) -> Any:  # noqa: ANN401 # log fields are anything
        """Mask every string within mappings and sequences; other values become text only if a secret is in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))


def _forms(secret: str) -> Iterable[str]:
    """Give the ways in which a secret gets into text: as it is, quoted for URLs and JSON, in Basic credentials."""
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    for line in secret.splitlines():
        if len(line) >= len("----"):
            yield line
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        inner = encoded[(0, 2, 3)[offset] : -4]
        if len(inner) >= len(secret):
            yield inner
