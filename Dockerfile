# The image of devops-daemon: Python with the locked packages and nothing to compile or to fetch with.
# Built for linux/amd64 and linux/arm64; deploy/requirements.lock holds the hashes of both.

FROM python:3.13-slim AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
RUN python -m venv --without-pip /opt/venv

# The packages change seldom: a layer of their own, kept while the lock is the same. Wheels only, so no compiler; but for
# drain3, which is Python alone and comes as source.
COPY deploy/requirements.lock deploy/
RUN pip --python /opt/venv install --require-hashes --only-binary :all: --no-binary drain3 --requirement deploy/requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY devops_daemon devops_daemon
RUN pip --python /opt/venv install --no-deps . && pip --python /opt/venv check


FROM python:3.13-slim

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1

# What conflicts in a pull request is untangled by git; nothing is ever checked out or run.
RUN apt-get update \
    && apt-get install --no-install-recommends --yes git \
    && rm -rf /var/lib/apt/lists/*

# The number stays the same over all builds: what a volume holds belongs to it.
RUN groupadd --gid 10001 devops \
    && useradd --uid 10001 --gid devops --home-dir /home/devops --create-home --shell /usr/sbin/nologin devops \
    && install --directory --owner devops --group devops --mode 0750 /data

COPY --chmod=0755 deploy/entrypoint.sh /usr/local/bin/entrypoint
COPY --from=builder /opt/venv /opt/venv

WORKDIR /app

# No USER: the entry point starts as root, since Railway's volumes belong to root, and becomes devops.
# No VOLUME: Railway refuses it; its volume is mounted wherever RAILWAY_VOLUME_MOUNT_PATH says.
EXPOSE 8080
STOPSIGNAL SIGTERM

# Railway does not look at this (it has healthcheckPath); Docker and Compose do.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-ISc", "import os, sys; from http.client import HTTPConnection as C; c = C('127.0.0.1', int(os.environ.get('PORT') or 8080), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# Railway's `startCommand` would replace the entry point as well: leave it unset.
ENTRYPOINT ["entrypoint"]
CMD ["devops-daemon", "run"]

# Last, since the commit changes with each build. Railway hands its own variables to an ARG of the same name.
ARG RAILWAY_GIT_COMMIT_SHA=""
LABEL org.opencontainers.image.title="devops-daemon" \
      org.opencontainers.image.description="Keeps a product on Railway healthy: watches it, answers for its incidents, tells people the truth." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/devops-daemon/devops-daemon" \
      org.opencontainers.image.revision="$RAILWAY_GIT_COMMIT_SHA"
