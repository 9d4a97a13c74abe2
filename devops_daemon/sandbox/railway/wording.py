"""What builds, containers and the platform write, as real ones do."""

from collections.abc import Mapping
from datetime import datetime

from devops_daemon.sandbox.faults import Death, Fault
from devops_daemon.sandbox.railway.deployments import Deployment, Step
from devops_daemon.sandbox.railway.places import Place

BUILD_ERROR = "Failed to build an image. Please check the build logs for more details."
BUILD_FAILURE = """\
[4/6] RUN npm run build
src/checkout/total.ts(42,7): error TS2322: Type 'string' is not assignable to type 'number'.
Build Failed: build daemon returned an error < failed to solve: process "npm run build" failed: exit code 2 >"""
BUILT = "[6/6] exporting to docker image format\nBuild time: 41.18 seconds"
UNHEALTHY_START = """\
Traceback (most recent call last):
  File "/app/main.py", line 14, in <module>
    app = create_app()
  File "/app/factory.py", line 31, in create_app
    settings.require("PAYMENT_KEY")
KeyError: 'PAYMENT_KEY'"""
STOPPING = "Stopping Container"
_CRASH = """\
Traceback (most recent call last):
  File "/app/main.py", line 88, in <module>
    asyncio.run(serve())
  File "/app/worker.py", line 52, in drain
    batch = self._queue[cursor]
IndexError: list index out of range
Process exited with code 1"""
_OUT_OF_MEMORY = """\
WARNING export: 48211 orders are held in memory
[1] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?
Out of memory: Killed process 7 (python) total-vm:9132048kB, anon-rss:8388104kB"""
LAST_WORDS: Mapping[Death, str] = {Death.ERROR: _CRASH, Death.OUT_OF_MEMORY: _OUT_OF_MEMORY}
QUIET_EXIT = "Shutting down: parent process has gone\nProcess exited with code 0"
HEALTHCHECK_TRIES = 14


def building(place: Place, deployment: Deployment) -> str:
    """Give what the build says first."""
    sha = deployment.commit.sha[:7] if deployment.commit else "image"
    return (
        f"Using Detected Dockerfile\n[1/6] FROM docker.io/library/python:3.12-slim\n"
        f"[2/6] COPY . /app ({place.repo}@{sha})\n[3/6] RUN pip install -r requirements.txt"
    )


def starting(place: Place) -> str:
    """Give what a container says when it starts."""
    if place.image:
        return "Mounting volume on: /var/lib/containers/bind-mounts\nStarting Container\ndatabase system is ready"
    return f"Starting Container\n{place.name}: listening on [::]:8080"


def failed_healthcheck(place: Place, at: datetime) -> Step:
    """Give the step of a container that never answered."""
    error = f"1/1 replicas never became healthy! Healthcheck failed at {place.healthcheck_path or '/'}"
    return Step("HEALTHCHECK", at, error=error, attempt=HEALTHCHECK_TRIES, max_attempts=HEALTHCHECK_TRIES)


def traceback_of(fault: Fault) -> str:
    """Give what a service writes when it breaks this way."""
    return f"""ERROR request failed ({fault.name})
Traceback (most recent call last):
  File "/app/shop/routes.py", line 88, in handle
    return await call_next(request)
  File "/app/shop/store.py", line 41, in connection
    return await self._open()
{fault.error or f"shop.store.StoreError: {fault.name}"}"""
