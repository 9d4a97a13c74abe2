"""The sandbox's schema and our documents, held against Railway's official schema where that is at hand."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from adapters.railway_world import ADAPTER

DATA = Path(os.environ.get("CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared")
CHECK = DATA / "checks/railway-schema"


@pytest.mark.skipif(not CHECK.is_file(), reason=f"Railway's schema is not here: {CHECK} (or set CONFORMANCE_DATA)")
def test_the_sandbox_and_our_documents_agree_with_railways_official_schema() -> None:
    sdl = str(files("devops_daemon.sandbox.railway").joinpath("schema.graphql"))
    documents = sorted(str(path) for path in (ADAPTER / "documents").glob("*.graphql"))
    told = subprocess.run(
        [sys.executable, str(CHECK), sdl, *documents], capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(documents)} operations, 0 differences" in told.stdout
