"""What people see of a long work: rows that fit the terminal, and lines elsewhere."""

import io
import os
import threading

import pytest
from rich.cells import cell_len
from rich.console import Console

from latentscape.core import progress
from latentscape.core.progress import Stage, is_heard, listening, stage, steps
from latentscape.terminal import progress as display
from latentscape.terminal.progress import LiveRows, PlainLines, rough, rows_of, shown

NAME = "vae-20-beta-4-fashion-mnist-5k-17"
LONG = "clustering", "UMAP + mixture on PCA, 20 components of raw pixels"


@pytest.fixture
def clock(clock, monkeypatch):
    monkeypatch.setattr(display, "time", clock)
    return clock


def terminal(width, **settings):
    file = io.TextIOWrapper(io.BytesIO(), encoding=settings.pop("encoding", "utf-8"))
    return Console(file=file, width=width, height=24, force_terminal=True, **settings)


def rows(width, works, **settings):
    return [row.plain for row in rows_of(works, terminal(width, **settings))]


def training(clock, parent=None, name=NAME):
    work = Stage(name, 25 * 3600, parent=parent, share=1.0)
    work.begin()
    clock.now += 9
    work.describe("epoch 3 of 25, loss 0.1234, validation 0.1301, MSE 0.0213, 12,345 images/s")
    work.advance_to(3 * 3600)
    return work


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120, 200])
def test_bar_percent_and_time_are_there_at_any_width(clock, width):
    (row,) = rows(width, [training(clock)])
    assert cell_len(row) < width
    assert " 12% " in row
    assert "─" in row
    assert row.endswith("66 s left" if width >= 60 else "66 s")


def test_the_name_is_cut_before_what_is_known(clock):
    work = training(clock)
    assert NAME in rows(160, [work])[0]
    assert "vae-20-beta…: epoch 3 of 25, loss 0.1234" in rows(80, [work])[0]
    assert "vae-20-beta…" in rows(40, [work])[0]


def test_which_of_how_many_is_seen_where_there_is_room(clock):
    work = Stage(LONG[0], 12.0, detail=LONG[1], number=9, count=12)
    assert ", 9 of 12" in rows(120, [work])[0]
    assert "clustering: UMAP + mixture on" in rows(80, [work])[0]
    assert "…, 9 of 12" in rows(80, [work])[0]
    assert cell_len(rows(40, [work])[0]) < 40


def test_a_study_is_a_row_above_its_run(clock):
    walk = steps("run", ["a", "b", "c"], lambda item: "")
    next(walk)
    clock.now += 60
    next(walk)
    work = progress._scope.get().stage
    training(clock, parent=work)
    whole, run = rows(80, [work])
    assert "run 2 of 3" in whole
    assert whole.endswith("min left in all")
    assert run.startswith("⠋  ".replace("⠋", run[0]))
    assert len(whole) == len(run)
    walk.close()


def test_runs_side_by_side_are_rows_of_one_table(clock):
    work = Stage("runs", 4)
    for name in ("first", "second"):
        training(clock, parent=work, name=name)
    table = rows(100, [work])
    assert len(table) == 3
    assert len({row.index("━") for row in table}) == 1  # One column.
    assert [row.split()[1].rstrip(":") for row in table[1:]] == ["first", "second"]


def test_more_runs_than_lines_are_cut(clock):
    work = Stage("runs", 100)
    for number in range(50):
        training(clock, parent=work, name=f"run-{number}")
    assert len(rows(80, [work])) == 23


def test_names_may_be_wide(clock):
    (row,) = rows(40, [training(clock, name="変分オートエンコーダ変分オートエンコーダ")])
    assert cell_len(row) < 40


def test_a_terminal_without_unicode_gets_ascii(clock):
    (row,) = rows(60, [training(clock)], encoding="latin-1")
    assert row.isascii()
    assert "#" in row
    assert "..." in row


def test_without_colour_what_is_done_can_be_told_from_the_rest(clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal(80)
    console.print(*rows_of([training(clock)], console))
    console.file.seek(0)
    text = console.file.read()
    assert "\x1b[36m" not in text
    assert "━──" in text


def test_a_work_of_unknown_length_shows_that_it_goes_on(clock):
    work = Stage("starting")
    work.begin()
    before = rows(80, [work])[0]
    clock.now += 3
    after = rows(80, [work])[0]
    assert after.endswith("3 s")
    assert "%" not in after
    assert before != after


def test_rows_come_after_a_moment_and_vanish(clock):
    console = terminal(80)
    rows_shown = LiveRows(console)
    with listening(rows_shown), stage("work", 10):
        rows_shown.look()
        assert written(console) == ""
        clock.now += 1
        rows_shown.look()
        assert "work" in written(console)
    rows_shown.look()
    assert written(console).endswith("\x1b[2K")  # The line is erased.


def test_notes_stand_above_the_rows(clock):
    console = terminal(80)
    rows_shown = LiveRows(console)
    with listening(rows_shown), stage("work", 10) as work:
        clock.now += 1
        rows_shown.look()
        work.note("epoch 3: the posterior has collapsed")
        rows_shown.look()
    assert "epoch 3: the posterior has collapsed\n" in written(console)


def written(console):
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.encoding)


@pytest.fixture
def plain():
    return PlainLines(Console(file=io.StringIO(), width=80))


def lines(plain):
    return plain.console.file.getvalue().splitlines()


def test_quick_epochs_share_a_line(plain, clock):
    """Fifty epochs of a tenth of a second are no fifty lines."""
    with listening(plain), stage("run", 50) as work:
        for epoch in range(1, 51):
            clock.now += 0.125
            work.describe(f"epoch {epoch} of 50")
            work.advance()
            plain.look()
    assert lines(plain) == ["run: epoch 16 of 50, 4 s left", "run: epoch 40 of 50, 1 s left"]


def test_a_slow_step_is_named_again_from_time_to_time(plain, clock):
    with listening(plain), stage("UMAP"):
        for _ in range(60):
            clock.now += 0.5
            plain.look()
    assert lines(plain) == ["UMAP, 2 s", "UMAP, 17 s"]


def test_what_is_over_at_once_leaves_no_line(plain, clock):
    with listening(plain), stage("quick"):
        clock.now += 1.9
        plain.look()
    assert lines(plain) == []


def test_many_short_steps_are_a_line_now_and_then(plain, clock):
    with listening(plain):
        for _ in steps("analysis", range(10), "part {}".format):
            clock.now += 1
            plain.look()
    assert [line.partition(",")[0] for line in lines(plain)] == [
        "analysis: part 1",
        "analysis: part 4",
        "analysis: part 7",
    ]


def test_a_line_says_of_what_it_is_a_part(plain, clock):
    with listening(plain):
        for _ in steps("run", "abc", lambda item: ""):
            with stage("training", 4) as work:
                clock.now += 3
                work.advance()
                plain.look()
            break
    assert lines(plain) == ["training, 9 s left (run 1 of 3, 33 s left in all)"]


def test_runs_side_by_side_have_lines_of_their_own(plain, clock):
    work = Stage("runs", 4, listener=plain)
    work.begin()
    parts = [training(clock, parent=work, name=name) for name in ("first", "second")]
    plain.look()
    plain.look()
    assert [line.partition(":")[0] for line in lines(plain)] == ["first", "second"]
    for part in (*parts, work):
        part.end()


def test_lines_of_threads_are_never_glued():
    class Chunks(io.StringIO):
        chunks = []

        def write(self, text):
            self.chunks.append(text)
            return len(text)

    plain = PlainLines(Console(file=Chunks(), width=80))
    work = Stage("work", listener=plain)
    threads = [threading.Thread(target=work.note, args=[f"note {n}"]) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Chunks.chunks) == sorted(f"note {n}\n" for n in range(20))


def test_quiet_shows_nothing(capfd):
    with shown(quiet=True), stage("work") as work:
        assert is_heard()
        work.note("something")
    assert capfd.readouterr() == ("", "")


def test_what_is_shown_already_is_shown_once():
    with shown(), stage("outer") as outer, shown(), stage("inner") as inner:
        assert inner.listener is outer.listener


def test_a_pipe_gets_plain_lines(capfd):
    with shown(), stage("work") as work:
        assert isinstance(work.listener, PlainLines)
        work.note("something")
    assert capfd.readouterr().err == "something\n"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("kind", "expected"), [("xterm", LiveRows), ("dumb", PlainLines)])
def test_a_terminal_gets_rows_unless_it_is_dumb(monkeypatch, kind, expected):
    monkeypatch.setenv("TERM", kind)
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", stream)
        with shown(), stage("work") as work:
            assert isinstance(work.listener, expected)
    os.close(ours)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (25, "25 s"), (89, "89 s"), (200, "3 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_times_are_rough(seconds, text):
    assert rough(seconds) == text
