"""The sections on what a model says of images that it was never shown: bounds, samples, walks."""

from collections.abc import Sequence

from latentscape.api.pages import bars, charts, generated, quantities
from latentscape.core.units import count, joined, number
from latentscape.reporting.blocks import Aside, Block, Chart, Gallery, Section
from latentscape.reporting.subject import Row, Subject, images

WIDEST = 720  # pixels of a chart that stands alone


def bound(subject: Subject) -> Section | None:
    """Show what codes cost, and which dimensions are used."""
    if not any(row.latent for row in subject.rows):
        return None
    lead = (
        "A code is worth what it says of its image: the rate is what codes cost, the distortion "
        "what they leave unsaid, and their sum bounds how surprising the test images are to the "
        "model."
    )
    blocks: list[Block] = quantities.latent(subject)
    rows = [row for row in subject.pictured if row.latent.get("kl_per_dim")]
    if rows:
        lead += (
            " Bars show which dimension of the code carries how much of the rate, on average; "
            "dimensions count from 0."
        )
    width = WIDEST if len(rows) == 1 else bars.LEAST_WIDTH
    blocks += _side_by_side([bars.kl_per_dimension(subject, row, width) for row in rows])
    for key in ("active_units", "perplexity"):
        if chart := charts.code_use(subject, key):
            blocks.append(chart)
    return Section("rate", "Rate and distortion", lead, blocks)


def likelihood(subject: Subject) -> Section | None:
    """Show estimated log-likelihoods."""
    rows = [row for row in subject.rows if row.values.get("likelihood")]
    if not rows:
        return None
    blocks: list[Block] = []
    if warnings := quantities.protocols(rows, "warning"):
        blocks.append(Aside("warning", "Beware when comparing.", warnings, len(warnings) > 1))
    return Section("likelihood", "Log-likelihood", "", [*blocks, quantities.likelihood(subject)])


def denoising(subject: Subject) -> Section | None:
    """Show what is restored of noisy images."""
    rows = [r for r in subject.pictured if images(r, "denoising_noisy") is not None]
    if not rows:
        return None
    plates = [generated.denoising(subject, row) for row in rows]
    return Section("denoising", "Denoising", "", plates)


def samples(subject: Subject) -> Section | None:
    """Show images that nobody drew."""
    plates = generated.samples(subject)
    lead = (
        "Not chosen: the first that were drawn. Look for images that nobody would write or wear, "
        "for blur, and for labels that are missing."
    )
    return Section("samples", "Samples", lead, plates) if plates else None


def quality(subject: Subject) -> Section | None:
    """Show what a classifier makes of samples."""
    rows = [row for row in subject.rows if row.values.get("quality")]
    if not rows:
        return None
    judge, counts = _judge(rows[0]), {row.values["quality"]["n"] for row in rows}
    lead = (
        f"{joined([count(n) for n in sorted(counts)])} samples, judged by a classifier {judge} "
        "These numbers depend on it: compare them between runs on the same data, and with nothing "
        "else."
    )
    shares = [bars.label_shares(subject, r) for r in rows if r in subject.pictured and _labelled(r)]
    blocks: list[Block] = [quantities.quality(subject)]
    blocks += _side_by_side(shares)
    return Section("quality", "Sample quality", lead, blocks)


def walks(subject: Subject) -> Section | None:
    """Show what lies between the codes of images."""
    plates = [plate for row in subject.pictured for plate in generated.walks(subject, row)]
    if not plates:
        return None
    return Section("walks", "Latent space pictures", "", plates)


def _side_by_side(charts: Sequence[Chart]) -> list[Block]:
    """Set charts in columns, but a single one with its caption under it."""
    return [Gallery(charts)] if len(charts) > 1 else list(charts)


def _judge(row: Row) -> str:
    classifier = row.values["quality"]["classifier"]
    return (
        f"that was trained on {count(classifier['n_train'])} labelled training images and names "
        f"{number(100 * classifier['accuracy'], 3)} % of {count(classifier['n_test'])} test images "
        "rightly."
    )


def _labelled(row: Row) -> bool:
    return bool(row.values["quality"]["data_shares"])
