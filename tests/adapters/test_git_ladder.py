"""The ladder, on real git: each way is taken where it should be, is proved, and loses nothing."""

from pathlib import Path

import pytest
from adapters.git_stories import Story
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devops_daemon.adapters.git.command import GitError
from devops_daemon.untangling import Absorbed, Parent, Rung, Stuck, Untangled

LINES = "".join(f"line {number}\n" for number in range(1, 21))


def with_line(number: int, text: str, of: str = LINES) -> str:
    lines = of.splitlines(keepends=True)
    lines[number - 1] = f"{text}\n"
    return "".join(lines)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo.git")


def ways_tried(found: Untangled | Stuck) -> list[Rung]:
    return [each.rung for each in found.tried]


async def test_what_the_base_has_already_is_absorbed_by_the_commit_that_has_it(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    head = await story.commit(await story.commit(first, {"app.py": with_line(3, "three")}), {"new.py": "x\n"})
    squashed = await story.squash(await story.commit(first, {"other.py": "y\n"}), head)
    base = await story.commit(squashed, {"app.py": with_line(3, "THREE")}, "changed since")
    assert await story.untangle(base, head) == Absorbed(squashed)
    assert await story.untangle(squashed, head) == Absorbed(squashed)


async def test_what_was_reverted_since_is_not_absorbed(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    head = await story.commit(first, {"app.py": with_line(3, "three")})
    squashed = await story.squash(await story.commit(first, {"other.py": "y\n"}), head)
    reverted = await story.commit(squashed, {"app.py": LINES}, f'Revert "x"\n\nThis reverts commit {squashed}.')
    base = await story.commit(reverted, {"app.py": with_line(3, "another three")})
    assert isinstance(await story.untangle(base, head), Stuck)


async def test_what_differs_in_its_indentation_is_not_the_same(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    head = await story.commit(first, {"app.py": with_line(3, "    return 3")})
    other = await story.commit(first, {"app.py": with_line(3, "return 3")})
    base = await story.commit(other, {"app.py": with_line(3, "return 4")})
    assert isinstance(await story.untangle(base, head), Stuck)


async def test_what_stands_upon_a_parent_that_was_squash_merged_keeps_only_its_own_commits(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    parent = await story.commit(
        await story.commit(first, {"app.py": with_line(3, "step one")}, "parent 1"),
        {"app.py": with_line(3, "step two")},
        "parent 2",
    )
    head = await story.commit(parent, {"app.py": with_line(12, "mine", with_line(3, "step two"))}, "mine", "mender")
    merged = await story.squash(first, parent)
    base = await story.commit(merged, {"app.py": with_line(3, "step three")}, "changed since")
    found = await story.untangle(base, head, Parent(6, parent, merged))
    assert isinstance(found, Untangled)
    assert (found.rung, found.proof) == (Rung.ONTO, "without the commits of #6, which is merged; the same 1 patches")
    assert await story.file(found.sha, "app.py") == with_line(12, "mine", with_line(3, "step three"))
    assert await story.log(f"{base}..{found.sha}") == [("mine", "mender")]


async def test_a_stack_that_grew_after_it_was_left_is_put_upon_the_base_too(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    shared = await story.commit(first, {"app.py": with_line(3, "shared")}, "shared")
    grown = await story.commit(shared, {"app.py": with_line(3, "grown")}, "grown")
    head = await story.commit(shared, {"mine.py": "x\n"}, "mine")
    base = await story.squash(first, grown)
    found = await story.untangle(base, head, Parent(6, grown, base))
    assert isinstance(found, Untangled)
    assert found.rung is Rung.ONTO
    assert await story.file(found.sha, "app.py") == with_line(3, "grown")


async def test_what_main_has_taken_back_of_a_parent_does_not_come_back_with_its_child(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    parent = await story.commit(first, {"app.py": with_line(3, "parent"), "extra.py": "x\n"}, "parent")
    head = await story.commit(parent, {"app.py": with_line(3, "mine")}, "mine")
    merged = await story.squash(first, parent)
    base = await story.commit(merged, {"app.py": LINES, "extra.py": None}, "taken back")
    found = await story.untangle(base, head, Parent(6, parent, merged))
    assert isinstance(found, Stuck)
    assert {each.rung: each.text for each in found.tried}[Rung.REBASE].endswith("(mine) conflicts in app.py")


async def test_commits_that_the_base_has_taken_one_by_one_are_left_out(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    picked = await story.commit(first, {"app.py": with_line(3, "three")}, "taken")
    head = await story.commit(picked, {"app.py": with_line(12, "twelve", with_line(3, "three"))}, "mine")
    cherry = await story.commit(first, {"app.py": with_line(3, "three")}, "taken, by hand")
    base = await story.commit(cherry, {"app.py": with_line(3, "three and more")}, "changed since")
    found = await story.untangle(base, head)
    assert isinstance(found, Untangled)
    assert (found.rung, found.proof) == (Rung.REBASE, "the same 1 patches, 1 that the base has already left out")
    assert await story.file(found.sha, "app.py") == with_line(12, "twelve", with_line(3, "three and more"))
    assert ways_tried(found) == [Rung.ABSORBED, Rung.ONTO]


async def test_commits_that_undo_each_other_fit_as_one(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    away = await story.commit(first, {"app.py": with_line(3, "wrong")}, "wrong way")
    back = await story.commit(away, {"app.py": LINES}, "back again")
    head = await story.commit(back, {"app.py": with_line(12, "right")}, "right way", "mender")
    base = await story.commit(first, {"app.py": with_line(3, "theirs")}, "theirs")
    found = await story.untangle(base, head)
    assert isinstance(found, Untangled)
    assert (found.rung, found.proof) == (Rung.SQUASH, "its 3 commits as one: the tree is that of a merge of all")
    assert await story.file(found.sha, "app.py") == with_line(12, "right", with_line(3, "theirs"))
    [commit] = await story.objects.commits(f"{base}..{found.sha}")
    assert commit.message.splitlines() == ["wrong way", "", "* wrong way", "* back again", "* right way"]


LIST = "# Changes\n\n- first\n"


async def test_lines_that_both_sides_add_to_a_list_are_all_kept(story: Story) -> None:
    first = await story.begin({"CHANGELOG.md": LIST})
    head = await story.commit(first, {"CHANGELOG.md": f"{LIST}- mine\n"}, "mine", "mender")
    base = await story.commit(first, {"CHANGELOG.md": f"{LIST}- theirs\n"})
    found = await story.untangle(base, head, append_only=("CHANGELOG.md",))
    assert isinstance(found, Untangled)
    assert (found.rung, found.proof) == (Rung.UNION, "each line that a side added to CHANGELOG.md is there")
    assert await story.file(found.sha, "CHANGELOG.md") == f"{LIST}- theirs\n- mine\n"


async def test_without_a_word_that_it_is_such_a_file_nothing_is_united(story: Story) -> None:
    first = await story.begin({"CHANGELOG.md": LIST})
    head = await story.commit(first, {"CHANGELOG.md": f"{LIST}- mine\n"})
    base = await story.commit(first, {"CHANGELOG.md": f"{LIST}- theirs\n"})
    assert isinstance(await story.untangle(base, head), Stuck)
    assert isinstance(await story.untangle(base, head, append_only=("*.txt",)), Stuck)


async def test_where_a_side_has_changed_or_deleted_a_line_nothing_is_united(story: Story) -> None:
    first = await story.begin({"CHANGELOG.md": LIST})
    head = await story.commit(first, {"CHANGELOG.md": "# Changes\n\n- FIRST\n- mine\n"})
    base = await story.commit(first, {"CHANGELOG.md": f"{LIST}- theirs\n"})
    assert isinstance(await story.untangle(base, head, append_only=("*",)), Stuck)


async def test_a_conflict_that_was_solved_once_is_solved_again_also_further_down(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    head = await story.commit(first, {"app.py": with_line(3, "mine")}, "mine")
    base = await story.commit(first, {"app.py": with_line(3, "theirs")})
    assert isinstance(await story.untangle(base, head), Stuck)
    marked = await story.objects.merge(base, head)
    kept = await story.file(marked.tree, "app.py")
    assert kept is not None
    assert story.memory.keep(kept.encode(), with_line(3, "both").encode())

    moved = await story.commit(base, {"app.py": "a new first line\n" + with_line(3, "theirs")})
    found = await story.untangle(moved, head)
    assert isinstance(found, Untangled)
    assert (found.rung, found.proof) == (Rung.REMEMBERED, "app.py solved as before, all else is as it merges")
    assert await story.file(found.sha, "app.py") == "a new first line\n" + with_line(3, "both")


async def test_a_file_with_marks_in_it_solves_nothing(story: Story) -> None:
    await story.begin({"app.py": LINES})
    marked = b"<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"
    assert not story.memory.keep(marked, marked)
    assert not story.memory.keep(b"no conflict\n", b"solved\n")
    assert await story.memory.solve(marked) is None


async def test_what_nobody_can_solve_is_told_with_its_files_and_lines(story: Story) -> None:
    first = await story.begin({"app.py": LINES, "b.txt": "b\n"})
    head = await story.commit(first, {"app.py": with_line(3, "mine"), "b.txt": "mine\n"}, "mine")
    base = await story.commit(first, {"app.py": with_line(3, "theirs"), "b.txt": "theirs\n"})
    found = await story.untangle(base, head)
    assert isinstance(found, Stuck)
    assert found.files == ("app.py", "b.txt")
    assert [
        line for line in ("--- app.py", "mine", "theirs", "--- b.txt") if line not in found.hunks.splitlines()
    ] == []
    assert "line 5" not in found.hunks
    reasons = {each.rung: each.text for each in found.tried}
    assert reasons[Rung.REBASE].endswith("(mine) conflicts in app.py, b.txt")
    assert set(reasons) == set(Rung)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"app.py": None}, {"app.py": with_line(3, "theirs")}),
        ({"app.py": b"\0mine"}, {"app.py": b"\0theirs"}),
        ({"app.py": None, "moved.py": with_line(3, "mine")}, {"app.py": None, "elsewhere.py": LINES}),
    ],
    ids=["deleted", "binary", "renamed twice"],
)
async def test_what_is_no_conflict_of_lines_is_left_to_people(
    story: Story, mine: dict[str, str | bytes | None], theirs: dict[str, str | bytes | None]
) -> None:
    first = await story.begin({"app.py": LINES})
    head, base = await story.commit(first, mine), await story.commit(first, theirs)
    found = await story.untangle(base, head, append_only=("*",))
    assert isinstance(found, Stuck)
    assert found.files != ()
    assert found.hunks != ""


async def test_histories_that_have_nothing_in_common_are_left_to_people(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    stranger = await story.commit(None, {"app.py": with_line(3, "x")})
    with pytest.raises(GitError):
        await story.untangle(first, stranger)


async def test_a_rename_on_one_side_takes_the_others_change_along(story: Story) -> None:
    first = await story.begin({"app.py": LINES})
    head = await story.commit(first, {"app.py": with_line(3, "mine")})
    base = await story.commit(first, {"app.py": None, "src/app.py": LINES})
    found = await story.untangle(base, head)
    assert isinstance(found, Untangled)
    assert await story.file(found.sha, "src/app.py") == with_line(3, "mine")


async def test_odd_names_are_only_names(story: Story) -> None:
    odd = '-x $(touch pwned) "q" \u00e4\n.txt'
    first = await story.begin({odd: LIST})
    head = await story.commit(first, {odd: f"{LIST}- mine\n"})
    base = await story.commit(first, {odd: f"{LIST}- theirs\n"})
    found = await story.untangle(base, head, append_only=("*.txt",))
    assert isinstance(found, Untangled)
    assert await story.file(found.sha, odd) == f"{LIST}- theirs\n- mine\n"
    assert not list(story.folder.rglob("pwned"))


EVIL = "* filter=evil diff=evil merge=evil\n*.md merge=union\n"


async def test_attributes_of_a_tree_start_no_program_and_solve_nothing(story: Story) -> None:
    config = f'[merge "evil"]\n\tdriver = touch {story.folder}/pwned\n'
    first = await story.begin({".gitattributes": EVIL, ".gitconfig": config, "a.md": LIST})
    head = await story.commit(first, {"a.md": f"{LIST}- mine\n"})
    base = await story.commit(first, {"a.md": f"{LIST}- theirs\n"})
    assert isinstance(await story.untangle(base, head), Stuck)
    assert not list(story.folder.rglob("pwned"))


# --- whatever the histories are

EDITS = st.lists(st.tuples(st.integers(1, 20), st.sampled_from("abc")), min_size=1, max_size=4)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=EDITS, theirs=EDITS)
def test_no_line_of_the_branch_is_lost_unless_the_base_has_changed_it(
    tmp_path_factory: pytest.TempPathFactory, mine: list[tuple[int, str]], theirs: list[tuple[int, str]]
) -> None:
    import asyncio  # noqa: PLC0415 # Hypothesis runs what is not async

    async def play() -> None:
        story = Story(tmp_path_factory.mktemp("history") / "repo.git")
        first = await story.begin({"app.py": LINES})
        sides = []
        for name, edits in (("mine", mine), ("theirs", theirs)):
            tip, text = first, LINES
            for number, letter in edits:
                text = with_line(number, f"{name} {letter}", text)
                tip = await story.commit(tip, {"app.py": text})
            sides.append((tip, text))
        (head, wanted), (base, _) = sides
        found = await story.untangle(base, head)
        if isinstance(found, Untangled):
            new = await story.file(found.sha, "app.py") or ""
            assert {line for line in wanted.splitlines() if line.startswith("mine")} <= set(new.splitlines())
            assert {line for line in sides[1][1].splitlines() if line.startswith("theirs")} <= set(new.splitlines())
            assert await story.objects.is_ancestor(base, found.sha)
        else:
            assert isinstance(found, Stuck)
            near = {close for number, _ in theirs for close in range(number - 1, number + 2)}
            assert near & {number for number, _ in mine}, "what does not touch is no conflict"

    asyncio.run(play())
