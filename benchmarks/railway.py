"""The sandbox's Railway with a log of so many messages, read from the input as one line of JSON."""

import asyncio
import json
import sys

from devops_daemon.sandbox.railway.deployments import Deployment
from devops_daemon.sandbox.railway.railway import Railway
from devops_daemon.sandbox.railway.seed import PRODUCTION_ID


async def serve() -> None:
    """Print the address, then answer until killed."""
    messages: list[str] = json.loads(sys.stdin.readline())
    async with Railway() as railway:
        world = railway.realm.world
        deployment = world.active(world.place_named(PRODUCTION_ID, "frontend"))
        assert isinstance(deployment, Deployment)  # noqa: S101 # the built-in one
        for message in messages:
            world.log.write(deployment, message.replace("\n", " | "), "error")
        sys.stdout.write(f"{railway.api_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
