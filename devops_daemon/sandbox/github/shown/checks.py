"""How check runs, statuses and what protects a branch look in the API."""

from typing import Any

from devops_daemon.sandbox.github import ids
from devops_daemon.sandbox.github.checks import GREEN, CheckRun, CommitStatus
from devops_daemon.sandbox.github.moments import iso, iso_or_none
from devops_daemon.sandbox.github.protection import Requirements
from devops_daemon.sandbox.github.shown.accounts import user
from devops_daemon.sandbox.github.shown.app import integration
from devops_daemon.sandbox.github.shown.pulls import part_of, pull_link
from devops_daemon.sandbox.github.shown.repository import minimal
from devops_daemon.sandbox.github.shown.view import View
from devops_daemon.sandbox.github.verdicts import Reported

Json = dict[str, Any]
OF_HEAD = ("id", "tree_id", "message", "timestamp", "author", "committer")


def check_run(view: View, shown: CheckRun) -> Json:
    """Show a check run."""
    url = f"{view.urls.repo}/check-runs/{shown.id}"
    page = f"{view.urls.page}/runs/{shown.id}"
    return {
        "id": shown.id,
        "node_id": ids.node_id("CR", shown.id),
        "head_sha": shown.head_sha,
        "external_id": shown.external_id,
        "url": url,
        "html_url": page,
        "details_url": shown.details_url or page,
        "status": shown.status,
        "conclusion": shown.conclusion,
        "started_at": iso(shown.started_at),
        "completed_at": iso_or_none(shown.completed_at),
        "output": {
            "title": shown.title,
            "summary": shown.summary,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "name": shown.name,
        "check_suite": suite(view, shown.suite_id, shown.head_sha),
        "app": integration(view, view.world.ci),
        "pull_requests": _pulls(view, shown.head_sha),
    }


def suite(view: View, number: int, sha: str) -> Json:
    """Show the suite of a commit's check runs."""
    runs = [each for each in view.world.check_runs if each.head_sha == sha]
    complete = all(each.status == "completed" for each in runs)
    worst = next((each.conclusion for each in runs if each.conclusion not in GREEN), "success")
    url = f"{view.urls.repo}/check-suites/{number}"
    since = iso(runs[0].started_at if runs else view.world.pushed_at)
    return {
        "id": number,
        "node_id": ids.node_id("CS", number),
        "head_branch": next(
            (part_of(each).head_ref for each in view.world.pulls() if part_of(each).head_sha == sha), None
        ),
        "head_sha": sha,
        "status": "completed" if complete else "in_progress",
        "conclusion": worst if complete else None,
        "url": url,
        "before": None,
        "after": sha,
        "pull_requests": _pulls(view, sha),
        "app": integration(view, view.world.ci),
        "created_at": since,
        "updated_at": since,
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
    }


def status(view: View, shown: CommitStatus) -> Json:
    """Show a status."""
    return {
        "url": f"{view.urls.repo}/statuses/{shown.sha}",
        "avatar_url": None,
        "id": shown.id,
        "node_id": ids.node_id("SC", shown.id),
        "state": shown.state,
        "description": shown.description,
        "target_url": shown.target_url,
        "context": shown.context,
        "created_at": iso(shown.created_at),
        "updated_at": iso(shown.created_at),
    }


def made_status(view: View, shown: CommitStatus) -> Json:
    """Show a status with who made it."""
    return {**status(view, shown), "creator": user(view, shown.creator)}


def combined(view: View, sha: str, reported: Reported) -> Json:
    """Show what the statuses of a commit come to: pending where there are none."""
    states = {each.state for each in reported.statuses}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = f"{view.urls.repo}/commits/{sha}"
    return {
        "state": state,
        "statuses": [status(view, each) for each in reported.statuses],
        "sha": sha,
        "total_count": len(reported.statuses),
        "repository": minimal(view),
        "commit_url": url,
        "url": f"{url}/status",
    }


def required_checks(view: View, branch: str, requirements: Requirements) -> Json:
    """Show the checks that classic protection requires."""
    url = f"{view.urls.repo}/branches/{branch}/protection/required_status_checks"
    return {
        "url": url,
        "strict": requirements.strict,
        "contexts": list(requirements.checks),
        "contexts_url": f"{url}/contexts",
        "checks": [{"context": name, "app_id": None} for name in requirements.checks],
    }


def rules(view: View, number: int, requirements: Requirements) -> list[Json]:
    """Show the rules of a ruleset that hold on a branch."""
    source = {
        "ruleset_source_type": "Repository",
        "ruleset_source": view.world.full_name,
        "ruleset_id": number,
    }
    checks = {
        "strict_required_status_checks_policy": requirements.strict,
        "do_not_enforce_on_create": False,
        "required_status_checks": [{"context": name} for name in requirements.checks],
    }
    reviews = {
        "required_approving_review_count": requirements.approvals,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    asked: dict[str, Json | None] = {"required_status_checks": checks if requirements.checks else None}
    asked |= {"pull_request": reviews if requirements.approvals else None}
    return [{"type": kind, "parameters": held, **source} for kind, held in asked.items() if held]


def _pulls(view: View, sha: str) -> list[Json]:
    """Show the pull requests of a commit; those from forks are left out, as GitHub does."""
    ours = (each for each in view.world.pulls() if each.is_open and not part_of(each).fork)
    return [pull_link(view, each) for each in ours if part_of(each).head_sha == sha]
