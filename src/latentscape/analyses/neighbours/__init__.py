"""Neighbours: the training images nearest to test images, in codes and in pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis, QuickLook
from latentscape.analyses.neighbours.result import (
    NeighbourInputs,
    Neighbours,
    NeighbourSettings,
)

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class NeighbourAnalysis(Analysis[Neighbours, NeighbourSettings, NeighbourInputs]):
    """Shows what the code takes to be alike, beside what pixels do."""

    title = "Neighbours"
    result, settings, inputs = Neighbours, NeighbourSettings, NeighbourInputs
    quick_look = QuickLook(NeighbourSettings())
    seconds = 1
    needs_model = True
    first_seed_only = True
    card = "nothing"
    printed_with_run = True
    skip_reasons = {
        "no_distance": "The codes of {codes} are all the same, the encoder has collapsed, so none "
        "is nearer than another",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: NeighbourSettings,
        inputs: NeighbourInputs,
    ) -> Neighbours:
        """Find the neighbours of the fixed test examples."""
        from latentscape.analyses.neighbours.method import find_neighbours

        pixels = comparison.baselines.pixels()
        return find_neighbours(comparison.rows[0], pixels, comparison.split.examples())

    def protocol(self, result: Neighbours) -> Sequence[str]:
        """Say what is near, and what agrees."""
        return (
            "Neighbours are training images, by Euclidean distance of the codes and of the pixels",
            "Agreement is the share of test images whose nearest training image has the same label",
        )

    def section(self, subject: "Subject") -> "Section | None":
        """Show the neighbours of each pictured model."""
        from latentscape.analyses.neighbours.section import section

        return section(self, subject)

    def print_table(self, result: Neighbours) -> None:
        """Print how often neighbours agree."""
        from latentscape.analyses.neighbours.section import describe_agreement
        from latentscape.analyses.notes import print_notes
        from latentscape.terminal.layout import print_line

        if sentence := describe_agreement(result):
            print_line(sentence)
        print_notes(self, result)


ANALYSIS = NeighbourAnalysis()
