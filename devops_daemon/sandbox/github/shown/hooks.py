"""How webhooks and their deliveries look in the API."""

from typing import Any

from devops_daemon.sandbox.github.hooks import Delivery, Hook
from devops_daemon.sandbox.github.moments import iso
from devops_daemon.sandbox.github.shown.view import View

Json = dict[str, Any]


def config(shown: Hook) -> Json:
    """Show where a hook leads; its secret is never told."""
    secret = {"secret": "********"} if shown.secret else {}
    return {"content_type": shown.content_type, "insecure_ssl": "0", "url": shown.url, **secret}


def hook(view: View, shown: Hook) -> Json:
    """Show a hook of the repository."""
    url = f"{view.urls.repo}/hooks/{shown.id}"
    last = shown.deliveries[-1] if shown.deliveries else None
    return {
        "type": "Repository",
        "id": shown.id,
        "name": "web",
        "active": shown.active,
        "events": list(shown.events),
        "config": config(shown),
        "updated_at": iso(shown.updated_at),
        "created_at": iso(shown.created_at),
        "url": url,
        "test_url": f"{url}/tests",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last.status_code if last else None,
            "status": ("active" if last.arrived else "failed") if last else "unused",
            "message": last.status if last else None,
        },
    }


def delivery_item(view: View, of: Hook, shown: Delivery) -> Json:
    """Show a delivery as lists do."""
    return {
        "id": shown.id,
        "guid": shown.guid,
        "delivered_at": iso(shown.delivered_at),
        "redelivery": shown.redelivery,
        "duration": round(shown.duration, 2),
        "status": shown.status,
        "status_code": shown.status_code,
        "event": shown.event,
        "action": shown.action,
        "installation_id": view.world.app.installation_id if of.of_app else None,
        "repository_id": view.world.id,
        "throttled_at": None,
    }


def delivery(view: View, of: Hook, shown: Delivery) -> Json:
    """Show a delivery with what was sent and what was answered."""
    return {
        **delivery_item(view, of, shown),
        "url": of.url,
        "request": {"headers": dict(shown.headers), "payload": shown.payload},
        "response": {
            "headers": dict(shown.response_headers) if shown.response_headers is not None else None,
            "payload": shown.response_body,
        },
    }
