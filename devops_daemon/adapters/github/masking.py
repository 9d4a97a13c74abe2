"""Keep tokens that come in the daemon's life out of what it says, as the redactor keeps those of the settings."""

import re

from devops_daemon.redaction import MASK, Redactor

_INSTALLATION = re.compile(r"(?<![A-Za-z0-9_-])ghs_[A-Za-z0-9_.-]{16,}")
"""GitHub moves installation tokens to `ghs_APPID_JWT`: no length is known, and there are dots within."""
_KEPT = 4


class Masking:
    """The settings' redactor, and the tokens that came since."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._learnt: tuple[str, ...] = ()
        self._late = Redactor()

    def learn(self, token: str) -> None:
        """Know a token from now on; the last few are kept, for older ones have expired."""
        self._learnt = (*self._learnt, token)[-_KEPT:]
        self._late = Redactor(self._learnt)

    def text(self, text: str) -> str:
        """Mask every secret in a text."""
        return self._redactor.text(self._late.text(_INSTALLATION.sub(MASK, text)))
