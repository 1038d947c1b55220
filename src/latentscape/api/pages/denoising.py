"""The section on denoising: what a model restores of corrupted images."""

from dataclasses import replace

from latentscape.api.pages.walks import titled
from latentscape.core.units import number
from latentscape.evaluation.pictures import Pictures
from latentscape.inference.denoising import Denoising
from latentscape.reporting.blocks import Panel, Plate, Section, figure_name
from latentscape.reporting.sentences import describe_denoising
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject

ACROSS = 8  # Images side by side.


def section(subject: Subject) -> Section | None:
    """Show what each pictured model restores; None where none was trained on noise."""
    pairs = [(row, pictures) for row in subject.pictured if (pictures := row.get(Pictures))]
    content = [
        plate(subject, row, pictures.denoising)
        for row, pictures in pairs
        if pictures.denoising is not None and pictures.denoising.noisy.ndim == 4
    ]
    return Section("denoising", "Denoising", "", content) if content else None


def plate(subject: Subject, row: Row, denoising: Denoising) -> Plate:
    """Show clean, noisy and restored images, each line with its error."""
    sources = {
        "Clean": denoising.clean,
        f"Noisy{_error(denoising.mse_noisy)}": denoising.noisy,
        f"Restored{_error(denoising.mse_restored)}": denoising.restored,
    }
    examples = row.evaluation.examples  # They are the same.
    captions = row.captions(examples.labels, examples.numbers)
    panels = []
    for start in range(0, len(denoising.clean), ACROSS):
        stop = min(start + ACROSS, len(denoising.clean))
        title = f"Images {start + 1} to {stop}"
        strips = [
            strip(label, images[start:stop], ACROSS, subject.tile, f"{label}: {title}, {row.label}")
            for label, images in sources.items()
        ]
        names = [*captions[start:stop], *[""] * (ACROSS - len(captions[start:stop]))]
        strips[0] = replace(strips[0], columns=names if captions else ())
        panels.append(Panel(title, strips))
    name, caption = figure_name("denoising", row.label), describe_denoising(denoising)
    return Plate(name, titled(subject, row, ""), caption, panels)


def _error(mse: float) -> str:
    return f", MSE {number(mse)} over all test images"
