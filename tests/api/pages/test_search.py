"""The section on a search."""

import pytest

from latentscape.api.pages.search import section, trials
from latentscape.api.pages.search_charts import coordinates, curves, history, importance, slices
from latentscape.config.space import Choices, Range
from latentscape.evaluation.search import Search, SearchTrial
from latentscape.reporting.search import describe_best, describe_search
from synthetic import study_subject, subject

SPACE = {
    "train.lr": Range(low=1e-4, high=1e-2, log=True),
    "model.latent.dim": Range(low=2, high=40, step=1, whole=True),
    "train.clip_norm": Choices(values=(None, 1, [1, 2])),
}
KEYS = (None, 1, "[1, 2]")


def trial(number, value, curve=(3.0, 2.0), **more):
    params = {
        "train.lr": 0.001 * number,
        "model.latent.dim": number,
        "train.clip_norm": KEYS[number % 3],
    }
    state = "stopped" if value is None else "finished"
    return SearchTrial(
        **{
            "number": number,
            "state": state,
            "params": params,
            "value": value,
            "curve": curve,
            **more,
        }
    )


def search(*all_trials, **more):
    best = min((t for t in all_trials if t.value is not None), key=lambda t: t.value)
    return Search(
        **{"metric": "loss", "space": SPACE, "trials": all_trials, "best": best.number, **more}
    )


SEARCH = search(
    trial(1, 2.0),
    trial(2, 1.5),
    trial(3, None, (9.0,)),
    trial(4, 1.8),
    trial(5, 900.0),
    trial(6, None, (), state="failed", message="The loss became infinite."),
    importance={"train.lr": 0.75, "model.latent.dim": 0.25, "train.clip_norm": 0.0},
)


def test_a_search_is_told_in_numbers():
    text = describe_search(SEARCH)
    assert "6 trials compared by the loss of validation examples: 4 finished, 1 stopped" in text
    assert "1 failed" in text
    assert describe_best(SEARCH).startswith(
        "The best is trial 2, with 1.500 nats: train.lr 0.00200"
    )
    assert "own settings" not in describe_best(SEARCH)
    own = {"begins_with_own": True}
    assert "own settings have 2.000 nats" in describe_best(SEARCH.model_copy(update=own))
    assert describe_best(search(trial(1, 2.0), **own)).endswith("the recipe's own settings.")


def test_trials_far_above_the_others_stand_at_the_edge_and_flatten_nothing():
    chart = history(SEARCH)
    assert "2 lie above, and are drawn at the upper edge" in chart.caption
    assert "900" not in chart.svg


def test_where_few_have_finished_those_that_were_stopped_have_room():
    chart = history(search(trial(1, 1.5), *(trial(n, None, (1.6 + n / 10,)) for n in range(2, 9))))
    assert "upper edge" not in chart.caption


def test_the_table_lists_the_best_first_and_says_what_became_of_the_others():
    table = trials(SEARCH)
    assert [row[0].text for row in table.rows] == ["2", "4", "1", "5", "3", "6"]
    assert [row[0].note for row in table.rows] == ["", "", "", "", "stopped", "failed"]
    assert [row[1].best for row in table.rows] == [True] + [False] * 5


def test_settings_are_ordered_by_what_they_matter():
    svg = importance(SEARCH).svg
    assert svg.index("train.lr") < svg.index("model.latent.dim")
    assert "75 %" in svg


def test_each_trial_is_a_line_through_its_settings():
    chart = coordinates(SEARCH)
    assert chart.svg.count("<path") == 5 + len(SPACE) + 1  # Lines, and upright axes.
    assert "trial 2: 1.500 nats" in chart.svg
    assert ">none<" in chart.svg
    assert len(slices(SEARCH)) == len(SPACE)


@pytest.mark.parametrize(
    "one",
    [
        search(trial(1, 2.0)),
        search(trial(1, 2.0), trial(2, 2.0)),
        search(trial(1, 2.0, ()), trial(2, None, ())),
        search(trial(1, 0.0), trial(2, 0.0), metric="mse"),
    ],
)
def test_few_or_equal_trials_are_drawn_too(one):
    for draw in (history, curves, coordinates):
        assert "<svg" in draw(one).svg
    assert all("<svg" in chart.svg for chart in slices(one))


def test_by_squared_error_alone_the_page_says_what_that_favours(run):
    page = study_subject([run("a")])
    space = {**SPACE, "objective.weights.rate": Range(low=0.1, high=4)}
    of_terms = search(trial(1, 0.1), metric="mse", space=space)
    for content, is_said in ((of_terms, True), (SEARCH, False)):
        members = page.study.members.model_copy(update={"search": content})
        object.__setattr__(page, "study", page.study.model_copy(update={"members": members}))
        [prose] = [b for b in section(page).blocks if b.kind == "prose"]
        assert any("Squared error alone" in text for text in prose.paragraphs) == is_said


def test_where_nothing_was_searched_there_is_no_section(run):
    assert section(subject(run("a"))) is None
