"""How the records look through the API: mappings under the API's own names."""

from datetime import UTC, datetime, timedelta

from devops_daemon.sandbox.railway.commits import BRANCH
from devops_daemon.sandbox.railway.deployments import Deployment, Status, Step
from devops_daemon.sandbox.railway.logbook import Line
from devops_daemon.sandbox.railway.pages import Node
from devops_daemon.sandbox.railway.places import Place, Volume
from devops_daemon.sandbox.railway.proxies import Proxy
from devops_daemon.sandbox.railway.variables import Written, references
from devops_daemon.sandbox.railway.world import World

_NIGHT = timedelta(hours=3)
_REPLICAS = 1


def deployment(world: World, record: Deployment) -> Node:
    """Show a deployment."""
    return {
        "id": record.id,
        "serviceId": record.service_id,
        "status": record.status.value,
        "createdAt": record.created_at,
        "statusUpdatedAt": record.status_updated_at,
        "deploymentStopped": record.has_stopped,
        "canRedeploy": record.can_redeploy,
        "canRollback": record.can_roll_back(datetime.now(UTC)),
        "instances": [{"id": replica.id, "status": replica.status.value} for replica in record.replicas],
        "meta": _meta(world.place_of(record), record),
    }


def _meta(place: Place, record: Deployment) -> dict[str, object]:
    """Show what is told of a deployment; some of it is known only once it has been built."""
    meta: dict[str, object] = {}
    if record.commit:
        meta = {"repo": place.repo, "branch": BRANCH, "commitHash": record.commit.sha}
    if record.image:
        meta = {"image": record.image}
    if record.patch_id:
        meta["patchId"] = record.patch_id
    if record.status in {Status.INITIALIZING, Status.BUILDING}:
        return meta
    if record.commit:
        meta |= {"commitMessage": record.commit.message, "commitAuthor": record.commit.author}
    if record.is_build_only:
        meta["buildOnly"] = True
    return {**meta, "fileServiceManifest": {}, "serviceManifest": _manifest(place), "logsV2": True}


def _manifest(place: Place) -> dict[str, object]:
    deploy = {"healthcheckPath": place.healthcheck_path, "numReplicas": _REPLICAS, "cronSchedule": place.cron_schedule}
    return {"build": {"builder": "DOCKERFILE"}, "deploy": deploy}


def place(world: World, record: Place) -> Node:
    """Show a service in an environment."""
    latest = world.latest(record)
    active = world.active(record)
    return {
        "id": record.id,
        "serviceId": record.service_id,
        "serviceName": record.name,
        "numReplicas": _REPLICAS,
        "cronSchedule": record.cron_schedule,
        "nextCronRunAt": _next_night(datetime.now(UTC)) if record.cron_schedule else None,
        "sleepApplication": record.sleeps,
        "healthcheckPath": record.healthcheck_path,
        "drainingSeconds": record.draining_seconds,
        "source": {"repo": record.repo, "image": record.image} if record.repo or record.image else None,
        "domains": {"serviceDomains": [{"domain": record.domain}] if record.domain else [], "customDomains": []},
        "latestDeployment": deployment(world, latest) if latest else None,
        "activeDeployments": [deployment(world, active)] if active else [],
    }


def volume(record: Volume) -> Node:
    """Show a disk."""
    return {
        "id": record.id,
        "serviceId": record.service_id,
        "mountPath": record.mount,
        "currentSizeMB": record.used_mb,
        "sizeMB": record.size_mb,
    }


def _next_night(now: datetime) -> datetime:
    """Give the next run of the one schedule there is, 3 o'clock."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0) + _NIGHT
    return today if today > now else today + timedelta(days=1)


def step(record: Step) -> Node:
    """Show a step of a deployment."""
    payload = {
        "error": record.error,
        "attempt": record.attempt,
        "maxAttempts": record.max_attempts,
        "skipped": record.skipped,
    }
    return {
        "step": record.name,
        "createdAt": record.created_at,
        "completedAt": record.completed_at,
        "payload": payload,
    }


def line(record: Line) -> Node:
    """Show a line of a log; the value of its level is quoted once more, as JSON."""
    return {
        "timestamp": record.timestamp,
        "message": record.message,
        "severity": record.severity,
        "attributes": [{"key": "level", "value": f'"{record.severity}"'}],
        "tags": {
            "serviceId": record.service_id,
            "deploymentId": record.deployment_id,
            "deploymentInstanceId": record.replica_id,
        },
    }


def variable(service_id: str | None, name: str, row: Written) -> Node:
    """Show that there is a variable, without its value."""
    return {
        "name": name,
        "serviceId": service_id,
        "isSealed": row.is_sealed,
        "references": [] if row.is_sealed else references(row.value),
    }


def proxy(record: Proxy) -> Node:
    """Show a TCP proxy."""
    return {
        "id": record.id,
        "domain": record.domain,
        "proxyPort": record.port,
        "applicationPort": record.application_port,
        "syncStatus": record.sync_status,
        "deletedAt": record.deleted_at,
    }
