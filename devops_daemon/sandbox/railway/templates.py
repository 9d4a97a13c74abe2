"""TEMPLATES: the databases that can be added, as Railway's own templates make them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devops_daemon.sandbox.railway.ids import named
from devops_daemon.sandbox.railway.refusals import not_found


@dataclass(frozen=True, slots=True)
class Template:
    """A service ready to be deployed."""

    code: str
    name: str
    image: str
    mount_path: str
    variables: Mapping[str, str | None]
    """The default values; None is one that may be given or not."""

    @property
    def id(self) -> str:
        """Its id."""
        return named("template", self.code)

    def config(self) -> dict[str, Any]:
        """Give its serialized config, a new one each time."""
        return {
            "services": {named("template", self.code, "service"): self._service()},
            "clusterMetadata": {"kind": "single", "engine": self.code, "revision": 3},
        }

    def _service(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "icon": f"https://devicons.railway.app/i/{self.code}.svg",
            "source": {"image": self.image},
            "build": {},
            "deploy": {"startCommand": None, "healthcheckPath": None, "requiredMountPath": self.mount_path},
            "networking": {"privateNetworkEndpoint": self.code},
            "volumeMounts": {named("template", self.code, "volume"): {"mountPath": self.mount_path}},
            "variables": {
                **{name: _variable(name, default) for name, default in self.variables.items()},
                "RAILWAY_RUN_UID": None,
            },
        }


def _variable(name: str, default: str | None) -> dict[str, object]:
    return {"description": f"{name} of the database", "defaultValue": default or "", "isOptional": default is None}


_PASSWORD = '${{secret(32, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")}}'  # noqa: S105 - how one is made

TEMPLATES: tuple[Template, ...] = (
    Template(
        "postgres",
        "Postgres",
        "ghcr.io/railwayapp-templates/postgres-ssl:16",
        "/var/lib/postgresql/data",
        {
            "PGDATA": "/var/lib/postgresql/data/pgdata",
            "PGHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
            "PGPORT": "5432",
            "PGUSER": "${{POSTGRES_USER}}",
            "PGPASSWORD": "${{POSTGRES_PASSWORD}}",
            "PGDATABASE": "${{POSTGRES_DB}}",
            "POSTGRES_DB": "railway",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": _PASSWORD,
            "SSL_CERT_DAYS": None,
            "DATABASE_URL": "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:5432/${{PGDATABASE}}",
        },
    ),
    Template(
        "redis",
        "Redis",
        "redis:8.2.1",
        "/data",
        {
            "REDISHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
            "REDISPORT": "6379",
            "REDISUSER": "default",
            "REDIS_PASSWORD": _PASSWORD,
            "REDISPASSWORD": "${{REDIS_PASSWORD}}",
            "REDIS_AOF_ENABLED": None,
            "REDIS_URL": "redis://${{REDISUSER}}:${{REDIS_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:6379",
        },
    ),
    Template(
        "mysql",
        "MySQL",
        "mysql:9.4",
        "/var/lib/mysql",
        {
            "MYSQLHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
            "MYSQLPORT": "3306",
            "MYSQLUSER": "root",
            "MYSQLPASSWORD": "${{MYSQL_ROOT_PASSWORD}}",
            "MYSQL_DATABASE": "railway",
            "MYSQL_ROOT_PASSWORD": _PASSWORD,
            "MYSQL_URL": "mysql://${{MYSQLUSER}}:${{MYSQL_ROOT_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:3306/railway",
        },
    ),
    Template(
        "mongo",
        "MongoDB",
        "mongo:8.0",
        "/data/db",
        {
            "MONGOHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
            "MONGOPORT": "27017",
            "MONGOUSER": "mongo",
            "MONGO_INITDB_ROOT_PASSWORD": _PASSWORD,
            "MONGOPASSWORD": "${{MONGO_INITDB_ROOT_PASSWORD}}",
            "MONGO_URL": "mongodb://${{MONGOUSER}}:${{MONGOPASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:27017",
        },
    ),
)


def by_code(code: str | None) -> Template:
    """Find a template by its code; raises Refusal."""
    for template in TEMPLATES:
        if template.code == code:
            return template
    raise not_found("Template")


def by_id(template_id: str) -> Template:
    """Find a template by its id; raises Refusal."""
    for template in TEMPLATES:
        if template.id == template_id:
            return template
    raise not_found("Template")
