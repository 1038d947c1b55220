"""Model cards: what they say stands in the findings."""

import re
from io import BytesIO
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image

import toys
from latentscape.api.pages.card import make_card
from latentscape.core import units
from latentscape.core.metrics import Metric
from latentscape.reporting.sentences import describe_supervision
from synthetic import add

KINDS = ("vae", "plain", "conditional", "vq", "denoising", "vectors", "measured")

# What every card says, whatever was measured.
CONSTANTS = {"0.01"}


class Readings(toys.ToyAnalysis):
    """An analysis with a section on the card, and a number for the hub."""

    title = "Log-likelihood"
    result = type("ReadingsResult", (toys.ToyResult,), {"part": "readings"})
    metrics = ()
    row_metrics = (Metric("nll", "NLL", "nats per image"),)
    hub_task = "density-estimation"

    def applies_to(self, recipe):
        return recipe.model.latent.kind == "gaussian"

    def n_scored(self, result):
        return 60

    def row_numbers(self, result):
        return {self.row_metrics[0]: result.number}


READINGS = Readings()
SCORES = toys.named("scored", *toys.ToyAnalysis.metrics, card="scores")
LOOKS = toys.named("looks", card="nothing")


@pytest.fixture
def make(run, register):
    """Return a function that makes a run of one of `KINDS`."""
    register(READINGS, SCORES, LOOKS)

    def make(kind, **more):
        if kind == "vectors":
            return run(shape=(9,), labelled=False, **more)
        if kind != "measured":
            return run(kind, kind, **more)
        codes = toys.scores("vae", 6, ["toy_a", "toy_b"], gain=0.0125)
        results = (READINGS.result(number=98.125), SCORES.result(codes=codes), LOOKS.result())
        return add(run("vae", "vae", **more), *results)

    return make


@pytest.fixture(params=KINDS)
def findings(request, make):
    return make(request.param)


@pytest.fixture
def card(findings):
    return make_card(findings, None, None)


def parts(card):
    """Return the metadata and the text."""
    _, front, text = card.text.split("---\n", 2)
    return yaml.safe_load(front), text


def leaves(value):
    """All numbers and texts in findings."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float | str):
        yield value


def decimals(text):
    return set(re.findall(r"(?<![\w.])\d[\d,]*\.\d+(?![\w.]*\.\d)", text))


def as_written(values):
    """All ways in which the numbers of findings are written for people."""
    texts = set(CONSTANTS)
    for leaf in leaves(values):
        if isinstance(leaf, str):
            texts |= decimals(leaf)
            continue
        numbers = [units.number(leaf, digits) for digits in (2, 3, 4)]
        numbers += [units.share(leaf), units.duration(leaf), f"{leaf:g}", units.percent(abs(leaf))]
        texts |= {number for text in numbers for number in decimals(text)}
    return texts


def test_every_number_stands_in_the_findings(findings, card):
    _, text = parts(card)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert len(decimals(prose)) > 15
    known = as_written(findings.to_json()) | as_written(findings.environment.model_dump())
    errors = [pairs.mse for pairs in _pairs(findings)]
    known |= as_written([float(e) for mse in errors for e in mse])
    assert decimals(prose) - known == set()


def _pairs(findings):
    from latentscape.evaluation.results import Evaluation

    evaluation = findings.require(Evaluation)
    return evaluation.best, evaluation.median, evaluation.worst


def test_the_metadata_are_those_of_the_findings(findings, card):
    repocard = pytest.importorskip("huggingface_hub.repocard")
    parsed = repocard.ModelCard(card.text)
    numbers = [leaf for leaf in leaves(findings.to_json()) if isinstance(leaf, int | float)]
    assert parsed.data.library_name == "latentscape"
    assert "autoencoder" in parsed.data.tags
    results = {result.metric_name: result for result in parsed.data.eval_results}
    assert "MSE, per pixel" in results
    for result in results.values():
        assert any(result.metric_value == pytest.approx(number, rel=1e-5) for number in numbers)
        assert result.dataset_args["fingerprint"] == findings.data.fingerprint
    assert yaml.safe_load(parsed.data.to_yaml()) == parts(card)[0]


def test_results_are_sorted_by_task(make):
    metadata, _ = parts(make_card(make("measured"), None, None))
    results = metadata["model-index"][0]["results"]
    tasks = {result["task"]["type"]: [m["name"] for m in result["metrics"]] for result in results}
    assert tasks["compression"] == [
        "ELBO, nats per image (score, no probability)",
        "Rate, nats per image (score, no probability)",
    ]
    assert tasks["density-estimation"] == ["NLL, nats per image"]
    assert tasks["representation-learning"] == [
        "Toy accuracy, majority",
        "Toy accuracy, one to one",
    ]
    assert results[0]["dataset"]["args"]["examples"] == 60
    assert {m["type"] for m in results[-1]["metrics"]} == {"accuracy"}


def test_every_figure_is_whole_and_shown_once(card):
    links = re.findall(r"!\[.*?[^\\]\]\(figures/([\w.-]+)\)", card.text)
    assert sorted(links) == sorted(card.figures)
    assert links
    for name, content in card.figures.items():
        if name.endswith(".png"):
            with Image.open(BytesIO(content)) as picture:
                picture.load()
                assert min(picture.size) > 100
        else:
            assert ElementTree.fromstring(content).tag.endswith("svg")


def test_tables_are_whole(card):
    tables = re.findall(r"(?:^\|.*\n)+", card.text, flags=re.MULTILINE)
    assert tables
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_nothing_is_left_open(card):
    assert not re.search(r"TODO|\bNone\b|\bnan\b|[Uu]ndefined|More information|[{}]", card.text)
    assert "\n\n\n" not in card.text


def test_the_use_of_labels_stands_where_there_are_any(findings, card):
    sentence = describe_supervision(findings.supervision)
    assert sentence in card.text or "Labels**: none." in card.text


def test_the_card_says_what_was_measured_on_request_and_what_was_not(make):
    text = {kind: make_card(make(kind), None, None).text for kind in KINDS}
    assert "## Log-likelihood" in text["measured"]
    assert "| Toy accuracy, majority | 51.2 % | 53.0 % | 47.0 % |" in text["measured"]
    assert "Toys were trained on train. They were scored on test." in text["measured"]
    assert "vae does not beat raw pixels" in text["measured"]
    assert "Not measured" not in text["measured"]
    assert "## Looks" not in text["measured"]
    assert "## What the code is good for" not in text["vae"]
    assert "Not measured: log-likelihood and scored." in text["vae"]
    assert "Not measured: scored." in text["plain"]
    assert "## Samples" in text["vae"]
    assert "Supervised" in text["conditional"]
    assert "the encoder saw corrupted images" in text["denoising"]
    assert "## Reconstructions" not in text["vectors"]


def test_data_that_the_hub_knows_are_named(make):
    known = make("vae", changes={"data.source": "mnist-5k"})
    assert parts(make_card(known, None, None))[0]["datasets"] == ["ylecun/mnist"]
    assert 'latentscape.load_data("mnist-5k")' in make_card(known, None, None).text
    changed = make("vae", changes={"data.source": "mnist-5k", "data.resize": [14, 14]})
    assert "datasets" not in parts(make_card(changed, None, None))[0]


def test_the_licence_and_the_repository_are_those_given(make):
    run = make("plain")
    assert "license" not in parts(make_card(run, None, None))[0]
    card = make_card(run, "ada/conv", "mit")
    assert parts(card)[0]["license"] == "mit"
    assert 'snapshot_download("ada/conv")' in card.text
    assert "hf download ada/conv --local-dir conv\n" in card.text


def test_no_path_of_this_machine(make, tmp_path):
    home = str(tmp_path)
    run = make(
        "plain",
        facts={"origin": f"{home}/scans.csv", "name": "scans"},
        changes={"data.source": f"{home}/scans.csv"},
        machine={"command": f"{home}/bin/latentscape"},
    )
    card = make_card(run, None, None)
    assert home not in card.text
    assert "--data YOURS" in card.text


@pytest.mark.parametrize("python", ["", "3.11.7"])
def test_versions_that_are_not_known_are_left_out(make, python):
    run = make("plain", machine={"latentscape": "", "torch": "", "python": python})
    text = make_card(run, None, None).text
    assert (
        re.findall(r"\*\*Versions\*\*.*", text) == ["**Versions**: Python 3.11.7."][: bool(python)]
    )
