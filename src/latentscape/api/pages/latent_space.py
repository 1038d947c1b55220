"""The section on the latent space: codes of two numbers as points in the plane."""

from collections.abc import Iterator

from latentscape.analyses.maps.result import Maps
from latentscape.analyses.maps.sprites import sprite_id, sprites_of, tiles_of
from latentscape.analyses.registry import analyses
from latentscape.api.pages.tables import labels_used
from latentscape.reporting.blocks import Chart, Gallery, Section
from latentscape.reporting.scatter import latent_map
from latentscape.reporting.subject import Row, Subject


def section(subject: Subject) -> Section | None:
    """Show codes of two numbers; None where no pictured model has any."""
    rows = [row for row in subject.pictured if row.evaluation.test_codes.codes.shape[1] == 2]
    if not rows:
        return None
    lead = (
        "Each dot is a test image at the place of its two-dimensional code. Look for islands of "
        "one label, for labels that share a place (the model confuses them) and for empty regions "
        f"(it has never decoded from there). {labels_used(subject.rows)}"
    )
    charts = [chart for row in rows for chart in _charts(row)]
    sprites = sprites_of(maps for row in rows if (maps := row.first.get(Maps)))
    if len(charts) > len(rows):
        lead += (
            " Beside each the same points by cluster, which knows no labels: compare the colours."
        )
    return Section("latent-space", "The latent space", lead, [Gallery(charts)], sprites)


def _charts(row: Row) -> Iterator[Chart]:
    """Draw the plane by label, and by what analyses know of the points."""
    points, maps = row.evaluation.test_codes.points, row.first.get(Maps)
    if points is None or maps is None:
        yield latent_map(row)
    else:
        yield latent_map(row, sprite_id(maps), tiles_of(maps, points))
    yield from filter(None, (item.latent_chart(row) for item in analyses()))
