"""The parts of the sandbox's GitHub, put together."""

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.api_faults import ApiFaults
from devops_daemon.sandbox.github.bare import Bare
from devops_daemon.sandbox.github.checking import Checking
from devops_daemon.sandbox.github.conversation import Conversation
from devops_daemon.sandbox.github.courier import Courier
from devops_daemon.sandbox.github.history import History
from devops_daemon.sandbox.github.hooks import Hook
from devops_daemon.sandbox.github.landing import Landing
from devops_daemon.sandbox.github.limits import Limits
from devops_daemon.sandbox.github.mergeability import Mergeability
from devops_daemon.sandbox.github.merging import Merging
from devops_daemon.sandbox.github.pulling import Pulling
from devops_daemon.sandbox.github.pushing import Pushing
from devops_daemon.sandbox.github.shown.hooks import hook as show_hook
from devops_daemon.sandbox.github.shown.view import View

ZEN = "Approachable is better than simple."


class Realm:
    """All that a route may look at or work on."""

    def __init__(self, view: View, bare: Bare, limits: Limits, faults: ApiFaults) -> None:
        """Put it together around this state and this git repository."""
        self.view = view
        self.bare = bare
        self.limits = limits
        self.faults = faults
        self.courier = Courier(view)
        self.history = History(bare)
        self.merging = Merging(bare, self.history)
        self.mergeability = Mergeability(view.world, bare, self.merging)
        self.pulling = Pulling(view, bare, self.history, self.courier)
        self.pushing = Pushing(view, bare, self.history, self.courier, self.pulling)
        self.landing = Landing(self)
        self.checking = Checking(view, self.history, self.courier, self.landing)
        self.conversation = Conversation(view, self.courier, self.pulling)

    def ping(self, hook: Hook, sender: Account) -> None:
        """Say hello to a hook."""
        payload = {"zen": ZEN, "hook_id": hook.id, "hook": show_hook(self.view, hook)}
        self.courier.tell_one(hook, "ping", sender, payload)
