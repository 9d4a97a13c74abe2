"""What the settings say of GitHub. It imports no client: where nothing is set, none is loaded."""

from dataclasses import dataclass

from pydantic import SecretStr

WEBHOOK_PATH = "/webhooks/github"
"""Where the daemon takes GitHub's webhooks: by this its own hook is told from others'."""


@dataclass(frozen=True, slots=True)
class AppKey:
    """An App's credentials."""

    app_id: str
    private_key: SecretStr
    installation_id: str | None = None
    """Found out by the repository where it is not given."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the settings say of GitHub; there is a token or an App, and the App is used where there are both."""

    url: str
    repository: str
    """`owner/name`."""
    token: SecretStr | None = None
    app: AppKey | None = None
    trigger_token: SecretStr | None = None
    webhook_secret_set: bool = False
    public_url: str | None = None
    """Where the daemon is reached, where that is known."""
    dry_run: bool = False

    @property
    def webhook_url(self) -> str | None:
        """Where GitHub should deliver to."""
        return f"{self.public_url.rstrip('/')}{WEBHOOK_PATH}" if self.public_url else None

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is asked: on GitHub Enterprise `/api/graphql` beside `/api/v3`."""
        base = self.url.rstrip("/")
        return f"{base.removesuffix('/v3')}/graphql"
