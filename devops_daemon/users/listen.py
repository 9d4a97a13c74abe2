"""Listen to the users of the product: each feedback becomes an issue, once; then Triage is called, and it is marked.

Each step is a row before and after it is done. One is taken in hand by its row, so that two processes never open two
issues; whoever takes up what was left looks for its mark first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from devops_daemon.calling import Trigger
from devops_daemon.feedback import LABEL, Entry, EntryState, Feedback, Pending
from devops_daemon.forge import Mark
from devops_daemon.ports import (
    Clock,
    FeedbackBox,
    FeedbackLedger,
    Forge,
    GoneError,
    LockedOutError,
    LostRaceError,
    RefusedError,
    UnavailableError,
    UnclearError,
)
from devops_daemon.users import wording
from devops_daemon.users.entries import (
    REPEATABLE,
    Step,
    done,
    failed,
    left_behind,
    listed_again,
    next_step,
    put_back,
    taken,
)
from devops_daemon.waking import wake

PAGE = 50
SOON = timedelta(seconds=2)
"""Between two pages."""
log = structlog.get_logger("feedback")


class _NotThereError(Exception):
    """The forge or the product is not there now: whatever was to be done next would fail as well."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where it comes from, where it goes, and where it is kept."""

    box: FeedbackBox
    forge: Forge
    ledger: FeedbackLedger
    trigger: Trigger
    """How the Triage Agent is called."""
    manner: wording.Manner


class Listen:
    """Looks at what is pending, one look at a time."""

    def __init__(
        self,
        places: Places,
        holds: Callable[[], Awaitable[str | None]],
        now: Clock,
        *,
        every: timedelta,
        alone: bool = False,
        dry_run: bool = False,
    ) -> None:
        """`holds` says why nothing may be begun now: an issue calls an agent.

        Where it is `alone` on its store, what is in a hand when it begins is in nobody's.
        """
        self._box, self._forge, self._ledger = places.box, places.forge, places.ledger
        self._trigger = places.trigger
        self._manner = places.manner
        self._holds = holds
        self._now = now
        self._every = every
        self._dry_run = dry_run
        self._takes_up = alone
        self._more = False
        self.state = "not looked at yet"
        """How it is, for people: `ok`, or what is wrong."""

    def pace(self) -> timedelta:
        """Say when to look again: the next page comes soon."""
        return SOON if self._more else self._every

    async def look(self) -> None:
        """Look once. Never raises, but for cancellation: what cannot be done now is done by a later look."""
        self._more = False
        try:
            held = await self._holds()
            state = f"held: {held}" if held else await self._look()
        except (UnavailableError, RefusedError, _NotThereError) as error:
            state = str(error)
        if state != self.state:
            tell = log.info if state == "ok" else log.warning
            tell("feedback.state", state=state)
        self.state = state

    async def _look(self) -> str:
        aside = (await self._ledger.figures()).aside
        most = PAGE + len(aside)  # what is set aside stands before all that is newer
        page = await self._box.pending(most)
        is_all = page.listed < most
        entries = {each.id: each for each in await self._ledger.entries([item.id for item in page.items])}
        if self._takes_up:
            entries = {each.id: left_behind(each, self._now()) for each in entries.values()}
            self._takes_up = False
        worked = 0
        for item in page.items:
            entry = entries.pop(item.id, None) or Entry(item.id, EntryState.NEW, self._now(), self._now())
            if entry.state is EntryState.PROCESSED:
                entry = listed_again(entry, self._now(), self._every)
            worked += await self._see_to(entry, item)
        for entry in entries.values():  # the backend was told, or lists them later
            if is_all or entry.state is not EntryState.NEW:
                worked += await self._see_to(entry, None)
        self._more = worked > 0 and not is_all
        return _told(page)

    async def _see_to(self, entry: Entry, item: Feedback | None) -> bool:
        """Take one as far as it goes now; tells whether something was done. Raises _NotThereError."""
        step = next_step(entry, self._trigger.means)
        if step is Step.NOTHING or self._now() < entry.due_at:
            return False
        if self._dry_run:
            log.info("feedback.would", feedback=entry.id, step=str(step))
            return False
        hand = _Hand(self._ledger, entry)
        try:
            await hand.keep(taken(entry, self._now()))
            while (step := next_step(hand.entry, self._trigger.means)) is not Step.NOTHING:
                await self._do(step, hand, item)
        except LostRaceError:
            return False  # somebody else has it in hand
        except (UnavailableError, LockedOutError) as error:
            await hand.let_go(put_back(hand.entry, str(error), self._now(), self._every))
            raise _NotThereError(str(error)) from error
        except RefusedError as error:
            rests = failed(hand.entry, str(error), self._now(), self._every)
            tell = log.error if rests.aside else log.warning
            tell("feedback.failed", feedback=entry.id, tries=rests.tries, aside=rests.aside, reason=str(error))
            await hand.let_go(rests)
        return True

    async def _do(self, step: Step, hand: "_Hand", item: Feedback | None) -> None:
        match step:
            case Step.OPEN:
                await self._open(hand, item)
            case Step.CALL:
                await self._call(hand)
            case _:
                await self._mark(hand)

    async def _open(self, hand: "_Hand", item: Feedback | None) -> None:
        if item is None:  # the backend has it no more
            await hand.keep(done(hand.entry, EntryState.PROCESSED, self._now()))
            return
        found = await self._forge.find_issue(wording.mark_of(item.id), LABEL)
        if found is None:
            title, body = wording.title(item, self._manner), wording.body(item, self._manner)
            found = await self._forge.open_issue(title, body, wording.LABELS)
            log.info("feedback.opened", feedback=item.id, issue=found.number)
        opened = done(hand.entry, EntryState.OPENED, self._now(), issue=found.number, issue_url=found.url)
        await hand.keep(opened)

    async def _call(self, hand: "_Hand") -> None:
        """Call the Triage Agent; what leaves nothing that could be found is noted before, and not begun twice."""
        opened = hand.entry
        if opened.issue is None:
            raise RefusedError("it has no issue")
        mark, reason = Mark("triage", opened.id), wording.call_reason(opened.id)
        if self._trigger.means not in REPEATABLE:
            await hand.keep(done(opened, EntryState.CALLING, self._now()))
        try:
            await wake(self._forge, self._trigger, opened.issue, reason, mark, opened.seen_at)
        except UnclearError:
            raise  # it may have been called
        except (UnavailableError, RefusedError):
            hand.entry = replace(hand.entry, state=EntryState.OPENED)  # it was not
            raise
        log.info("feedback.triage_called", feedback=opened.id, issue=opened.issue)
        await hand.keep(done(hand.entry, EntryState.CALLED, self._now()))

    async def _mark(self, hand: "_Hand") -> None:
        try:
            await self._box.processed(hand.entry.id, hand.entry.issue_url)
        except GoneError:
            log.info("feedback.gone", feedback=hand.entry.id)
        except UnavailableError as error:  # it may be this one that the backend cannot do
            raise RefusedError(str(error)) from error
        log.info("feedback.processed", feedback=hand.entry.id, issue=hand.entry.issue)
        await hand.keep(done(hand.entry, EntryState.PROCESSED, self._now()))


class _Hand:
    """One feedback that is worked on, as its row is."""

    def __init__(self, ledger: FeedbackLedger, entry: Entry) -> None:
        self._ledger = ledger
        self.entry = entry

    async def keep(self, entry: Entry) -> None:
        """Write it; raises LostRaceError where somebody else has."""
        self.entry = await self._ledger.keep(entry)

    async def let_go(self, entry: Entry) -> None:
        """Write how it stands; whoever has written it meanwhile knows better."""
        try:
            await self.keep(entry)
        except LostRaceError:
            log.debug("feedback.changed_meanwhile", feedback=entry.id)


def _told(page: Pending) -> str:
    if not page.unreadable:
        return "ok"
    return f"{len(page.unreadable)} of {page.listed} cannot be read: {page.unreadable[0]}"
