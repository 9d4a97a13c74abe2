"""As whom GitHub is asked: by a token that a person made."""

from typing import Protocol

from pydantic import SecretStr


class Credentials(Protocol):
    """Gives the token that a request bears."""

    @property
    def setting(self) -> str:
        """The setting that it comes from, for people."""
        ...

    async def token(self) -> str:
        """Give the token; raises UnavailableError or RefusedError where there is none to be had."""
        ...

    async def renew(self, dead: str) -> bool:
        """Drop a token that GitHub turned away; tell whether there may be another."""
        ...


class PersonalToken:
    """A token from the settings, classic or fine-grained: it is what it is."""

    def __init__(self, setting: str, token: SecretStr) -> None:
        self.setting = setting
        self._token = token

    async def token(self) -> str:
        """Give it."""
        return self._token.get_secret_value()

    async def renew(self, dead: str) -> bool:
        """Say no: only a person can make another."""
        del dead
        return False
