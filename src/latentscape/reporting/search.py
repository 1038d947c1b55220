"""Searches in words, for reports and the terminal."""

from collections.abc import Iterator

from latentscape.core.units import count, duration, joined, number, percent
from latentscape.evaluation.search import MEASURES, Search, SearchTrial


def describe_search(search: Search) -> str:
    """Say what was tried, and what became of it."""
    ends = [f"{count(search.count('finished'))} finished"]
    if stopped := search.count("stopped"):
        ends.append(f"{count(stopped)} stopped early, because others were better by then")
    if failed := search.count("failed"):
        ends.append(f"{count(failed)} failed")
    n, seconds = len(search.trials), sum(trial.seconds for trial in search.trials)
    return (
        f"{count(n)} trial{'s' * (n > 1)} compared by the {MEASURES[search.metric].name} of "
        f"validation examples: {joined(ends)}. Training took {duration(seconds)} in all."
    )


def describe_best(search: Search) -> str:
    """Say which trial is the best, and how far it is from the first."""
    best, first, measure = search.best_trial, search.trials[0], MEASURES[search.metric]
    text = f"The best is trial {best.number}, with {measure.write(best.value)}: "
    text += f"{describe_point(best)}."
    if not search.begins_with_own or first.value is None:
        return text
    if first.number == best.number:
        return f"{text} These are the recipe's own settings."
    return f"{text} The recipe's own settings have {measure.write(first.value)}."


def describe_importance(search: Search) -> str:
    """Say which settings set the better trials apart; nothing where too few have finished."""
    shares = [f"{path} {percent(share)}" for path, share in search.importance.items()]
    return f"What mattered: {joined(shares)}." if shares else ""


def cautions(search: Search) -> Iterator[str]:
    """Say what the numbers of a search do not say."""
    yield (
        "The lowest of many numbers is lower than its model deserves. What it is worth on new "
        "examples is its test error, which no trial has seen, and which chose nothing."
    )
    if search.metric == "mse" and any(path.startswith("objective.") for path in search.space):
        yield (
            "Squared error alone was compared. Terms of the objective that serve another purpose, "
            "such as the rate, cost squared error: a search by it gives them little weight."
        )


def describe_point(trial: SearchTrial) -> str:
    """Write the settings of a trial."""
    return joined([f"{path} {write_key(key)}" for path, key in trial.params.items()])


def write_key(key: object) -> str:
    """Write a value of a setting."""
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, float):
        return number(key)
    return "none" if key is None else str(key)
