"""Log-likelihood by importance sampling."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis
from latentscape.analyses.likelihood.result import (
    BITS_PER_DIM,
    CUSTOMARY_SAMPLES,
    NLL,
    Likelihood,
    LikelihoodInputs,
    LikelihoodSettings,
)
from latentscape.core.metrics import Metric

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.config import LikelihoodKind, Recipe
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject
    from latentscape.runs import RunFindings


class LikelihoodAnalysis(Analysis[Likelihood, LikelihoodSettings, LikelihoodInputs]):
    """Estimates how likely the test examples are to a variational autoencoder."""

    title = "Log-likelihood"
    result, settings, inputs = Likelihood, LikelihoodSettings, LikelihoodInputs
    seconds = 60
    gains_from_threads = True
    needs_model = True
    printed_with_run = True
    by_default = False
    row_metrics = (NLL, BITS_PER_DIM)
    summary_metrics = (NLL,)
    hub_task = "density-estimation"

    def applies_to(self, recipe: "Recipe") -> bool:
        """Whether a recipe's models have a posterior, which proposes codes."""
        return recipe.model.latent.has_posterior

    def measure(
        self,
        comparison: "Comparison",
        settings: LikelihoodSettings,
        inputs: LikelihoodInputs,
    ) -> Likelihood:
        """Estimate the log-likelihood of the test examples."""
        from latentscape.analyses.likelihood.method import measure_likelihood

        return measure_likelihood(comparison, settings)

    def protocol(self, result: Likelihood) -> Sequence[str]:
        """Say how the likelihood was estimated, and what it is."""
        from latentscape.analyses.likelihood.sentences import describe_protocol

        return describe_protocol(result)

    def n_scored(self, result: Likelihood) -> int:
        """Return the number of test images."""
        return result.protocol.n

    def row_numbers(self, result: Likelihood) -> Mapping[Metric, float | None]:
        """Return the negative log-likelihood in both of its units."""
        return {NLL: result.nll, BITS_PER_DIM: result.bits_per_dim}

    def likelihood_kind(self, result: Likelihood) -> "LikelihoodKind | None":
        """Return what the likelihood is."""
        return result.protocol.likelihood

    def not_customary(self, result: Likelihood, run: "RunFindings") -> Sequence[Metric]:
        """Return the NLL unless it is that of all test images, on the recipe's pixels."""
        is_customary = (
            result.protocol.binarize == run.recipe.data.binarize
            and result.protocol.n == run.data.sizes.test
            and result.settings.samples >= CUSTOMARY_SAMPLES
        )
        return () if is_customary else (NLL,)

    def section(self, subject: "Subject") -> "Section | None":
        """Show the likelihood of each model that it was measured of."""
        from latentscape.analyses.likelihood.section import section

        return section(self, subject)

    def print_table(self, result: Likelihood) -> None:
        """Print a likelihood, and how it was estimated."""
        from latentscape.analyses.likelihood.table import print_likelihood

        print_likelihood(result)


ANALYSIS = LikelihoodAnalysis()
