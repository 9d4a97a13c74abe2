"""What is wired from the settings: who knows which secret."""

from devops_daemon import watchlist
from devops_daemon.config_file import Document
from devops_daemon.configuration import Configuration, redactor_of
from devops_daemon.redaction import MASK
from devops_daemon.settings import read
from devops_daemon.watchlist import canary_password


def test_the_derived_password_of_the_canary_is_a_secret_too() -> None:
    settings = read({"PRODUCTION_BACKEND_URL": "https://api.example.com", "DEVOPS_API_SECRET": "s3cret-value"})
    redactor = redactor_of(Configuration(settings, watchlist.plan(settings, Document())))
    password = canary_password(settings, "devops-canary")
    assert redactor.text(f"hello {password}, s3cret-value") == f"hello {MASK}, {MASK}"
