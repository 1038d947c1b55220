"""The study of many runs as a section of the page."""

from typing import Any

from benchmarks.markdown import page, table
from latentscape.core.units import count, joined, number


def study(section: dict[str, Any]) -> str:
    """Write the section of a study."""
    rates = joined(list(map(str, section["rates"])))
    rows = [
        [
            row["contestant"],
            row["precision"],
            number(row["seconds"], 3),
            number(row["seconds"] / section["runs"], 3),
            number(row["seconds"] / section["rows"][0]["seconds"], 3),
            number(row["peak_bytes"] / 1e6, 3),
            number(row["test_loss"]),
        ]
        for row in section["rows"]
    ]
    head = ["Who", "Precision", "Whole, s", "s per run", "Ratio", "Peak memory, MB", "Test loss"]
    return page(
        "## A study of many runs",
        f"""{section["recipe"]} on {section["data"]} with the learning rates {rates} and
        {section["seeds"]} seeds each: {section["runs"]} runs of {count(section["steps"])} steps,
        which are {section["epochs"]} epochs of {count(section["images"])} images in batches of
        {section["batch_size"]}. Latentscape is `latentscape compare`, from its start to the report
        of the study: after each epoch a run is measured on validation images and saved, in the end
        it is evaluated. The tuned script of the contest trains the same runs one after the other on
        all cores, and reconstructs the test images. It is started anew for each run, or once for
        all. The ratio is to Latentscape. Peak memory is that of the largest process. The test loss,
        in nats per image, is the mean over seeds with the best of the rates; Latentscape lets rates
        fall to zero, and the script keeps them.""",
        table(head, rows, words=2),
    )
