"""ROUTES: all that the REST API answers to."""

from devops_daemon.sandbox.github.call import Route
from devops_daemon.sandbox.github.realm import Realm
from devops_daemon.sandbox.github.rest.accounts import AccountRoutes
from devops_daemon.sandbox.github.rest.app import AppRoutes
from devops_daemon.sandbox.github.rest.branches import BranchRoutes
from devops_daemon.sandbox.github.rest.comments import CommentRoutes
from devops_daemon.sandbox.github.rest.commits import CommitRoutes
from devops_daemon.sandbox.github.rest.dispatches import DispatchRoutes
from devops_daemon.sandbox.github.rest.hooks import HookRoutes
from devops_daemon.sandbox.github.rest.issues import IssueRoutes
from devops_daemon.sandbox.github.rest.pulls import PullRoutes


def routes(realm: Realm) -> list[Route]:
    """List the routes; of two that fit, the first one answers."""
    return [
        *AccountRoutes(realm.view, realm.limits).routes(),
        *AppRoutes(realm.view).routes(),
        *CommentRoutes(realm.view, realm.conversation).routes(),
        *IssueRoutes(realm.view, realm.conversation).routes(),
        *PullRoutes(realm).routes(),
        *CommitRoutes(realm).routes(),
        *BranchRoutes(realm).routes(),
        *HookRoutes(realm).routes(),
        *DispatchRoutes(realm).routes(),
    ]
