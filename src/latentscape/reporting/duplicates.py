"""What is said of test examples that are also training examples."""

from collections.abc import Sequence

from latentscape.core.units import count, percent
from latentscape.data.duplicates import NEAR, Duplicates
from latentscape.reporting.sentences import by_sentence
from latentscape.reporting.subject import Row


def describe_duplicates(duplicates: Duplicates) -> str:
    """Say how many test examples are also training examples, exactly and nearly."""
    facts = duplicates
    if not facts.any:
        nearly = " or nearly" if facts.near_of else ""
        return f"No test example is also a training example, exactly{nearly}."
    near = f", and {count(facts.near)} more nearly ({_nearness(facts)})" if facts.near_of else ""
    return (
        f"{count(facts.exact)} of {count(facts.test)} test examples are also training examples, "
        f"bit for bit{near}: what is measured on test examples is better than on new ones."
    )


def duplicates_of(rows: Sequence[Row], *, only_if_any: bool = False) -> list[str]:
    """Describe the duplicates in the data of rows, each sentence once.

    With `only_if_any` nothing is said of data without duplicates.
    """
    pairs = [(row.label, row.get(Duplicates)) for row in rows]
    return by_sentence(
        (label, describe_duplicates(facts) if facts and (facts.any or not only_if_any) else "")
        for label, facts in pairs
    )


def _nearness(facts: Duplicates) -> str:
    """Say what nearly means, and among how many examples it was looked for."""
    limit = f"they differ by at most {percent(NEAR)} of what two random training examples do"
    if facts.near_of + facts.exact == facts.test:
        return limit
    return f"of {count(facts.near_of)} that were looked at; {limit}"
