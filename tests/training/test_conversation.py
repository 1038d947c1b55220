"""What the first worker says to the others, of which one stands for all here."""

import pytest

from latentscape.training.conversation import (
    CHECKPOINT,
    OVER,
    Conversation,
    Over,
    Word,
    WorkerLost,
)
from latentscape.training.state import Diverged


class Line:
    """Answers with what others say, and keeps what this worker has said."""

    def __init__(self, *answers):
        self.said, self._answers = [], list(answers)

    def __call__(self, numbers):
        self.said.append(tuple(map(int, numbers)))
        answer = self._answers.pop(0) if self._answers else (0, 0, 0, 0)
        if isinstance(answer, Exception):
            raise answer
        return [max(pair) for pair in zip(self.said[-1], answer, strict=True)]


def test_alone_nothing_is_said():
    alone = Conversation(None)
    with alone.leading(), alone.step():
        assert not alone.is_open
    assert alone.hear() == Word(0)


def test_a_step_closes_it_until_it_is_taken():
    talk = Conversation(Line())
    with talk.step():
        assert not talk.is_open
    assert talk.is_open
    with pytest.raises(ZeroDivisionError), talk.step():
        raise ZeroDivisionError
    assert not talk.is_open


def test_the_first_one_says_that_it_is_over_once():
    line = Line()
    talk = Conversation(line)
    with talk.leading(), talk.leading(), talk.step():
        pass
    assert line.said == [(0, 0, 0, 0), (OVER, 0, 0, 0)]


def fail(talk, within):
    with talk.leading():
        with talk.step():
            if within:
                raise ZeroDivisionError
        raise ZeroDivisionError


def test_after_a_failure_it_says_so_unless_others_wait_for_its_numbers():
    for line, within, words in (
        (Line(), True, [0]),
        (Line(), False, [0, OVER]),
        (Line((0, 0, 0, 0), WorkerLost("It is gone")), False, [0, OVER]),
    ):
        with pytest.raises(ZeroDivisionError):
            fail(Conversation(line), within)
        assert [said[0] for said in line.said] == words


def test_what_is_heard_in_place_of_a_step_is_not_asked_for_again():
    talk = Conversation(Line((CHECKPOINT, 3, 7, 0), (OVER, 0, 0, 0)))
    with pytest.raises(Diverged), talk.step():
        pass
    assert talk.hear() == Word(CHECKPOINT, 3, 7)
    with pytest.raises(Over), talk.step():
        pass


def test_a_worker_that_was_asked_to_stop_is_heard_by_all():
    asked = Conversation(Line())
    asked.asked_to_stop = True
    with asked.step():
        pass
    assert asked._exchange.said == [(0, 0, 0, 1)]
    other = Conversation(Line((0, 0, 0, 1)))
    with other.step():
        pass
    assert other.asked_to_stop


def test_those_who_have_parted_say_nothing_more():
    line = Line()
    talk = Conversation(line)
    with talk.leading():
        talk.part()
    assert line.said == []
