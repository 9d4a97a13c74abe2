"""What Railway says of itself: whether the platform is well."""

from devops_daemon.sandbox.railway.pages import Node

INCIDENT_URL = "https://status.railway.com/incident/sandbox"


class Weather:
    """The platform's state; an incident is a message, or None while there is none."""

    def __init__(self) -> None:
        """Start well."""
        self.incident: str | None = None

    def shown(self) -> Node:
        """Show it."""
        return stormy(self.incident) if self.incident else {"isStable": True, "incident": None, "maintenance": None}


def stormy(message: str) -> Node:
    """Show an incident that is being looked into."""
    incident = {"message": message, "status": "INVESTIGATING", "url": INCIDENT_URL}
    return {"isStable": False, "incident": incident, "maintenance": None}
