"""What the origin of a recipe reported, beside what was obtained on the same data."""

from collections.abc import Mapping, Sequence

from latentscape.analyses.registry import analyses
from latentscape.evaluation.study import Claim
from latentscape.runs import RunFindings


def make_claims(runs: Sequence[RunFindings], obtained: Mapping[str, float]) -> tuple[Claim, ...]:
    """Put reported numbers beside those obtained; none beside other data.

    Parameters
    ----------
    runs : sequence of RunFindings
        Seeds of one configuration.
    obtained : mapping of str to float
        Key of a metric to its mean over the seeds.
    """
    recipe, data = runs[0].recipe, runs[0].data
    if data.name != recipe.reported_on:
        return ()
    other = _measured_otherwise(runs)
    return tuple(
        Claim(
            metric=number.metric,
            reported=number.value,
            obtained=None if number.metric in other else obtained.get(number.metric),
            latent_dim=number.latent_dim,
        )
        for number in recipe.reported
        if number.latent_dim in (None, recipe.model.latent.dim)
    )


def _measured_otherwise(runs: Sequence[RunFindings]) -> set[str]:
    """Return the keys of metrics that were not measured as is customary in publications."""
    return {
        metric.key
        for run in runs
        for item in analyses()
        if (result := run.get(item.result)) is not None
        for metric in item.not_customary(result, run)
    }
