"""Batches fetched ahead: in order, two of them, and only where that pays."""

import threading

import pytest

from latentscape.training.prefetch import AHEAD, Prefetch


@pytest.mark.parametrize("pays", [None, False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 30])
def test_batches_come_in_order(pays, count):
    prefetch = Prefetch()
    prefetch.pays = pays
    assert list(prefetch(lambda place: place * place, range(count))) == [
        n * n for n in range(count)
    ]


def test_two_are_ready_while_one_is_used():
    prefetch, fetched, ready = Prefetch(), [], threading.Semaphore(0)
    prefetch.pays = True

    def fetch(place):
        fetched.append(place)
        ready.release()
        return place

    batches = prefetch(fetch, range(10))
    for used in range(8):
        assert next(batches) == used
    for _ in range(8 + AHEAD):
        assert ready.acquire(timeout=30)
    assert fetched == list(range(8 + AHEAD)), "no more than two"
    batches.close()


@pytest.mark.parametrize(("fetching", "using", "pays"), [(3, 100, True), (1, 100, False)])
def test_it_pays_where_fetching_takes_its_share_of_a_step(monkeypatch, fetching, using, pays):
    clock = [0.0]
    monkeypatch.setattr("latentscape.training.prefetch.time.perf_counter", lambda: clock[0])

    def passing(seconds):
        clock[0] += seconds

    prefetch = Prefetch()
    for _ in prefetch(lambda place: passing(fetching), range(20)):
        passing(using)
    assert prefetch.pays is pays


def test_few_steps_show_nothing():
    prefetch = Prefetch()
    assert list(prefetch(abs, range(3))) == [0, 1, 2]
    assert prefetch.pays is None


def test_an_error_comes_where_its_batch_would_have_been_used():
    prefetch = Prefetch()
    prefetch.pays = True

    def fetch(place):
        if place == 4:
            raise OSError("gone")
        return place

    batches, used = prefetch(fetch, range(9)), []
    with pytest.raises(OSError, match="gone"):
        used.extend(iter(batches))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_its_thread_ends_with_those_who_use_it():
    prefetch = Prefetch()
    prefetch.pays = True
    batches = prefetch(abs, range(9))
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
