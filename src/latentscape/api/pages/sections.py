"""The sections of a report, in the order in which they are read."""

from latentscape.analyses.registry import analyses
from latentscape.api.pages import (
    architecture,
    denoising,
    latent_space,
    learning,
    rate,
    reconstructions,
    reported,
    runs,
    samples,
    scores,
    search,
    settings,
    summary,
    tables,
    walks,
)
from latentscape.doctor import section as doctor
from latentscape.reporting.blocks import Section
from latentscape.reporting.subject import Subject


def sections(subject: Subject) -> list[Section]:
    """Make every section that applies to the subject."""
    content = [
        doctor.section(subject),
        summary.section(subject),
        search.section(subject),
        reported.section(subject),
        scores.section(subject),
        rate.section(subject),
        learning.section(subject),
        *reconstructions.sections(subject),
        denoising.section(subject),
        samples.section(subject),
        walks.section(subject),
        reconstructions.codes_section(subject),
        latent_space.section(subject),
        *(item.section(subject) for item in analyses()),
        tables.classes_section(subject),
        architecture.section(subject),
        tables.timings_section(subject),
        runs.section(subject),
        settings.recipes_section(subject),
        settings.environment_section(subject),
    ]
    return [section for section in content if section is not None]
