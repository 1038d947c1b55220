"""What a long work says of itself, and how the time that is left is told."""

import threading

import pytest

from latentscape.core import progress
from latentscape.core.progress import Listener, Stage, is_heard, listening, stage, steps


class Events(Listener):
    def __init__(self):
        self.events = []

    def on_begin(self, stage):
        self.events.append(("begin", stage.text()))

    def on_advance(self, stage):
        self.events.append(("advance", stage.text()))

    def on_end(self, stage):
        self.events.append(("end", stage.text()))

    def on_note(self, stage, text):
        self.events.append(("note", text))


def test_a_listener_hears_of_stages_within_it_alone():
    events = Events()
    with stage("before"), listening(events):
        assert is_heard()
        with stage("inside", 2) as work:
            work.advance()
            work.note("look here")
    assert not is_heard()
    with stage("after"):
        pass
    kinds = [kind for kind, _ in events.events]
    assert kinds == ["begin", "advance", "note", "end"]
    assert {text for kind, text in events.events if kind != "note"} == {"inside"}


def test_a_stage_that_fails_ends_too():
    events = Events()
    with listening(events):
        with pytest.raises(ValueError, match="no"), stage("outer"), stage("inner"):
            raise ValueError("no")
        with stage("next") as work:
            assert work.parent is None
    assert [event for event in events.events if event[0] == "end"] == [
        ("end", "inner"),
        ("end", "outer"),
        ("end", "next"),
    ]


def test_steps_say_which_of_how_many(heard):
    events = Events()
    with listening(events):
        for _ in steps("clustering", ["K-means on z", "UMAP on z"]):
            with stage("UMAP") as part:
                assert part.parent.name == "clustering"
    begun = [text for kind, text in events.events if kind == "advance"]
    assert begun[0] == "clustering: K-means on z, 1 of 2"
    assert "clustering: UMAP on z, 2 of 2" in begun


def test_steps_without_a_description_are_counted():
    with listening(Events()) as _:
        for number, _ in enumerate(steps("run", "abc", lambda item: ""), 1):
            assert progress._scope.get().stage.text() == f"run {number} of 3"


def test_steps_that_are_left_early_end(heard):
    for _ in steps("outer", [1, 2, 3]):
        break
    with stage("next") as work:
        assert work.parent is None


def test_time_left_follows_what_is_done(clock):
    with stage("work", 10) as work:
        assert work.seconds_left() is None
        clock.now += 4
        work.advance(2)
        assert (work.fraction(), work.seconds_left()) == (0.2, 16)


def test_time_is_estimated_before_anything_is_done(clock):
    with stage("compiling", seconds=20) as work:
        assert work.seconds_left() == 20
        clock.now += 5
        assert work.fraction() == 0.25
        assert work.seconds_left() == 15
        clock.now += 1000  # Nobody knows when it ends, but not yet.
        assert work.fraction() == progress.ALMOST


def test_long_steps_weigh_more_than_short_ones(clock):
    walk = steps("analysis", [1, 9], seconds=float)
    next(walk)
    work = progress._scope.get().stage
    assert work.seconds_left() == 10
    clock.now += 2  # This machine is half as fast.
    next(walk)
    assert work.fraction() == 0.1
    assert work.seconds_left() == 18
    clock.now += 9
    assert work.fraction() == pytest.approx(0.55)
    assert work.seconds_left() == pytest.approx(9)
    walk.close()


def test_what_a_part_has_done_counts_for_the_whole(clock):
    walk = steps("run", ["first", "second"])
    next(walk)
    work = progress._scope.get().stage
    with stage("training", 100) as part:
        clock.now += 10
        part.advance_to(50)
        assert work.fraction() == 0.25
        assert work.seconds_left() == 30
    walk.close()


def test_parts_side_by_side_add_up(clock):
    with stage("runs", 4) as work:
        parts = [Stage(name, 1.0, parent=work, share=1.0) for name in "ab"]
        for part in parts:
            part.begin()
        clock.now += 3
        parts[0].advance_to(0.5)
        parts[1].advance_to(1.0)
        assert work.fraction() == 0.375
        assert work.seconds_left() == 5


def test_a_bar_never_goes_back(clock):
    walk = steps("run", ["only"])
    next(walk)
    work = progress._scope.get().stage
    with stage("training", 10) as part:
        part.advance_to(9)
        assert work.fraction() == 0.9
    with stage("evaluation", 10):
        assert work.fraction() == 0.9
    walk.close()


def test_what_was_done_before_took_no_time(clock):
    with stage("training", 10) as work:
        work.begin_at(8)
        assert work.fraction() == 0.8
        assert work.seconds_left() is None
        clock.now += 6
        work.advance()
        assert work.seconds_left() == pytest.approx(6)


def test_other_threads_are_not_heard(heard):
    thread = threading.Thread(target=lambda: stage("elsewhere").__enter__())
    thread.start()
    thread.join()
    assert heard.names == []
