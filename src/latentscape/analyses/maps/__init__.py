"""Maps: codes laid out in the plane."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis, QuickLook
from latentscape.analyses.maps.result import MapInputs, Maps, MapSettings

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class MapAnalysis(Analysis[Maps, MapSettings, MapInputs]):
    """Draws the same points from different codes, by several methods."""

    title = "Maps"
    result, settings, inputs = Maps, MapSettings, MapInputs
    quick_look = QuickLook(
        MapSettings(methods=("pca", "tsne"), points=500),
        "Maps by UMAP, and more than 500 points, were",
    )
    seconds = 12
    first_seed_only = True
    card = "nothing"
    file_suffix = ".npz"
    file_option = "--save"
    file_about = "one map, on which new points can be placed."
    skip_reasons = {
        "few_points": "{item} left out: there are {points} points, and a map needs {min_points}",
        "no_map": "The codes of {codes} are all the same: the encoder has collapsed, so there is "
        "no map of them",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: MapSettings,
        inputs: MapInputs,
    ) -> Maps:
        """Draw maps of all codes."""
        from latentscape.analyses.maps.method import draw_maps

        once = comparison.baselines.once
        return draw_maps(comparison.rows, settings, once=once)

    def protocol(self, result: Maps) -> Sequence[str]:
        """Say which points are on the maps, and what is compared."""
        from latentscape.analyses.maps.sentences import describe_protocol

        return describe_protocol(result)

    def section(self, subject: "Subject") -> "Section | None":
        """Show the maps of each pictured model beside those of the baselines."""
        from latentscape.analyses.maps.section import section

        return section(self, subject)

    def print_table(self, result: Maps) -> None:
        """Print how far maps keep neighbours together."""
        from latentscape.analyses.maps.table import print_maps

        print_maps(self, result)

    def check_file(self, settings: MapSettings, path: Path) -> None:
        """Refuse to write more than one map to a file."""
        from latentscape.analyses.maps.placing import check_map_file

        check_map_file(settings.methods, path)

    def write(self, result: Maps, comparison: "Comparison", path: Path) -> None:
        """Write one map to an .npz file, on which new points can be placed."""
        from latentscape.analyses.maps.placing import write_map

        write_map(result, comparison, path)


ANALYSIS = MapAnalysis()
