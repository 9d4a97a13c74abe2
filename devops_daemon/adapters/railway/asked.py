"""What the settings say of Railway. It imports no GraphQL: where no token is set, none is loaded."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Asked:
    """What the settings say of Railway."""

    url: str
    project_token: SecretStr | None = None
    workspace_token: SecretStr | None = None
    workspace_id: str | None = None
    project_id: str | None = None
    environment_id: str | None = None
    own_service_id: str | None = None
    """The daemon's own service, where Railway has told."""
    own_hosts: frozenset[str] = frozenset()
    """Where the daemon answers, which tells its service too."""
    dry_run: bool = False

    @property
    def is_local(self) -> bool:
        """Tell a sandbox on this machine from Railway."""
        return urlsplit(self.url).hostname in {"127.0.0.1", "::1", "localhost"}
