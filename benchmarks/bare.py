"""What aiohttp alone does on this machine: the signature is verified, and nothing is kept. For comparison."""

import gc
import hashlib
import hmac
import os

from aiohttp import web


async def deliver(request: web.Request) -> web.Response:
    """Verify, and say yes."""
    secret = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
    expected = f"sha256={hmac.new(secret, await request.read(), hashlib.sha256).hexdigest()}"
    verified = hmac.compare_digest(request.headers["X-Hub-Signature-256"].encode(), expected.encode())
    return web.json_response({"status": "accepted"}, status=202 if verified else 401)


if __name__ == "__main__":
    application = web.Application(client_max_size=25 * 1024 * 1024)
    application.router.add_post("/webhooks/github", deliver)
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    web.run_app(application, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
