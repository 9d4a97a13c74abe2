"""The built-in world: the project "shop" of the workspace "acme", some days into its life."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devops_daemon.sandbox.faults import Server
from devops_daemon.sandbox.railway.deployments import Status
from devops_daemon.sandbox.railway.history import Past, live_through
from devops_daemon.sandbox.railway.ids import named
from devops_daemon.sandbox.railway.places import Environment, Place, Project, Volume, Workspace
from devops_daemon.sandbox.railway.templates import by_code
from devops_daemon.sandbox.railway.world import World

WORKSPACE_ID = named("workspace", "acme")
PROJECT_ID = named("project", "shop")
PRODUCTION_ID = named("environment", "production")
STAGING_ID = named("environment", "staging")
OTHER_WORKSPACE_ID = named("workspace", "other")
OTHER_PROJECT_ID = named("project", "elsewhere")
OTHER_ENVIRONMENT_ID = named("environment", "elsewhere")
NIGHTLY = "0 3 * * *"
_REPO = "acme/shop"


def service_id(name: str) -> str:
    """Give the id of a built-in service."""
    return named("service", name)


_REMOVED, _SUCCESS = Status.REMOVED, Status.SUCCESS


def _place(environment: str, name: str) -> Place:
    environment_id = named("environment", environment)
    return Place(named("instance", environment, name), environment_id, service_id(name), name)


def _web(environment: str, name: str, server: Server | None) -> Place:
    return replace(
        _place(environment, name),
        repo=_REPO,
        domain=f"{name}-{environment}.up.railway.app",
        healthcheck_path="/health" if name == "backend" else "/",
        draining_seconds=15 if name == "backend" else None,
        server=server,
    )


PLACES: Sequence[tuple[Place, Sequence[Past]]] = (
    (
        _web("production", "backend", Server.BACKEND),
        (
            Past(timedelta(days=6), _REMOVED, "checkout: totals in cents"),
            Past(timedelta(days=5), _REMOVED, "sessions: sign out everywhere"),
            Past(timedelta(days=3, hours=4), Status.FAILED, "checkout: gift cards"),
            Past(timedelta(hours=50), _REMOVED, "checkout: gift cards, and the types right"),
            Past(timedelta(hours=20), _SUCCESS, "health: say when the cache is gone"),
        ),
    ),
    (
        _web("production", "frontend", Server.FRONTEND),
        (
            Past(timedelta(days=5, hours=2), _REMOVED, "home: a lighter page"),
            Past(timedelta(hours=51), _REMOVED, "cart: gift cards"),
            Past(timedelta(hours=28), _SUCCESS, "cart: keep the order of lines"),
        ),
    ),
    (replace(_place("production", "Postgres"), image=by_code("postgres").image), (Past(timedelta(days=6), _SUCCESS),)),
    (
        replace(_place("production", "nightly"), repo=_REPO, cron_schedule=NIGHTLY),
        (
            Past(timedelta(days=5), _REMOVED, "nightly: import prices"),
            Past(timedelta(days=4), _SUCCESS, "nightly: close old sessions"),
        ),
    ),
    (
        replace(_web("production", "preview", None), sleeps=True),
        (Past(timedelta(days=2), Status.SLEEPING, "preview: the new basket"),),
    ),
    (
        replace(_place("production", "devops-daemon"), repo="acme/devops-daemon", healthcheck_path="/healthz"),
        (Past(timedelta(hours=30), _SUCCESS, "rounds: every fifteen seconds"),),
    ),
    (_web("staging", "backend", None), (Past(timedelta(hours=22), _SUCCESS, "health: say when the cache is gone"),)),
    (_web("staging", "frontend", None), (Past(timedelta(hours=29), _SUCCESS, "cart: keep the order of lines"),)),
)


def seed(world: World, now: datetime) -> None:
    """Put the built-in world in place, as if it were this old now."""
    for workspace_id, name in ((WORKSPACE_ID, "acme"), (OTHER_WORKSPACE_ID, "other")):
        world.workspaces[workspace_id] = Workspace(workspace_id, name)
    world.projects[PROJECT_ID] = Project(PROJECT_ID, "shop", WORKSPACE_ID, PRODUCTION_ID)
    world.projects[OTHER_PROJECT_ID] = Project(OTHER_PROJECT_ID, "elsewhere", OTHER_WORKSPACE_ID, OTHER_ENVIRONMENT_ID)
    for environment_id, name in ((PRODUCTION_ID, "production"), (STAGING_ID, "staging")):
        world.environments[environment_id] = Environment(environment_id, name, PROJECT_ID)
    world.environments[OTHER_ENVIRONMENT_ID] = Environment(OTHER_ENVIRONMENT_ID, "production", OTHER_PROJECT_ID)
    _write_variables(world)
    disk = named("volume", "production", "Postgres")
    postgres = by_code("postgres")
    world.volumes[disk] = Volume(disk, PRODUCTION_ID, service_id("Postgres"), postgres.mount_path, 1_310.5, 5_000)
    for place, pasts in PLACES:
        world.places[place.environment_id, place.service_id] = place
        live_through(world, place, pasts, now)


def _write_variables(world: World) -> None:
    production = PRODUCTION_ID
    world.variables.write(production, None, {"RELEASE_CHANNEL": "stable", "SENTRY_DSN": "https://key@sentry.invalid/1"})
    world.variables.write(
        production,
        service_id("backend"),
        {
            "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
            "SENTRY_DSN": "${{shared.SENTRY_DSN}}",
            "CORS_ORIGIN": "https://${{frontend.RAILWAY_PUBLIC_DOMAIN}}",
            "LOG_LEVEL": "info",
        },
    )
    world.variables.write(production, service_id("backend"), {"SECRET_KEY": "sealed-sandbox-key"}, sealed=True)
    world.variables.write(production, service_id("frontend"), {"API_URL": "https://${{backend.RAILWAY_PUBLIC_DOMAIN}}"})
    password = {"POSTGRES_PASSWORD": "sandbox-postgres-password"}
    world.variables.write(production, service_id("Postgres"), {**by_code("postgres").variables, **password})
