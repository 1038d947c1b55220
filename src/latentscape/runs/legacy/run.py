"""What was known of every run: its layers, errors, rates and pictures."""

from latentscape.core.findings import Json
from latentscape.core.records import Array
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.migration import complete_latent


def architecture(findings: LegacyFindings) -> Json:
    """Return the content of the part ``architecture``."""
    values = findings.values
    return {
        "layers": values["architecture"],
        "parameters": values["parameters"],
        "latent_dim": values["latent_dim"],
    }


def evaluation(findings: LegacyFindings) -> Json:
    """Return the content of the part ``evaluation``."""
    values, named = findings.values["evaluation"], findings.named
    pca = values["pca"]
    return {
        "n": values["n"],
        "metrics": values["metrics"],
        "per_class": _per_class(values["per_class"], findings),
        "pca": {**pca, "per_class": _per_class(pca.get("per_class", {}), findings)},
        "mean_image": values["mean_image"]["metrics"],
        "entropy_floor": values["entropy_floor"],
        "examples": named(
            originals="originals",
            reconstructions="reconstructions",
            pca_reconstructions="pca_reconstructions",
            codes="example_codes",
            labels="example_labels",
        ),
        **{group: _pairs(findings, group) for group in ("random", "best", "median", "worst")},
        "test_codes": named(codes="codes", labels="code_labels"),
    }


def _per_class(classes: Json, findings: LegacyFindings) -> Json:
    names = findings.values["data"]["label_names"]
    return {
        _label(name, names): {
            "n": numbers["n"],
            "metrics": {key: value for key, value in numbers.items() if key != "n"},
        }
        for name, numbers in classes.items()
    }


def _label(name: str, names: list[str]) -> str:
    """Return the name of a label, which the first runs wrote as its index."""
    is_index = name not in names and name.isdigit() and int(name) < len(names)
    return names[int(name)] if is_index else name


def _pairs(findings: LegacyFindings, group: str) -> dict[str, Array | None]:
    pairs = findings.named(
        originals=f"{group}_originals",
        reconstructions=f"{group}_reconstructions",
        mse=f"{group}_mse",
    )
    images, means = pairs["originals"], pairs["reconstructions"]
    if pairs["mse"] is None and images is not None and means is not None:  # Of random examples.
        errors = (images - means).reshape(len(images), -1)
        pairs["mse"] = (errors**2).mean(axis=1)
    return pairs


def latent(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``latent``; None of plain codes."""
    if not (values := findings.values.get("latent")):
        return None
    content = {k: v for k, v in values.items() if k not in ("active_units", "collapsed")}
    kind = "codebook" if "perplexity" in values else "posterior"
    content["collapse"] = kind if values["collapse"] else None
    if content.get("codes_used") is not None:
        content["codes_used"] = int(content["codes_used"])
    trained_on = findings.values["recipe"]["data"]["binarize"]
    return complete_latent(content, findings.likelihood_kind(trained_on))


def pictures(findings: LegacyFindings) -> Json:
    """Return the content of the part ``pictures``."""
    makers = {
        "samples": _samples,
        "samples_normal": _samples,
        "interpolation": _interpolation,
        "traversals": _traversals,
        "manifold": _manifold,
        "denoising": _denoising,
    }
    facts = findings.values.get("pictures", {})
    return {name: make(findings, name) for name, make in makers.items() if name in facts}


def _samples(findings: LegacyFindings, name: str) -> Json:
    facts, recipe = findings.values["pictures"][name], findings.values["recipe"]
    return {
        "images": findings.arrays[name],
        "source": sample_source(findings, facts["source"]),
        "labels": facts["labels"],
        "seed": recipe["train"].get("seed", 0),
    }


def sample_source(findings: LegacyFindings, source: str) -> str:
    """Tell apart what all went by the name of a prior."""
    kinds = {"point": "mmd", "vq": "codebook"}
    return kinds.get(_latent_kind(findings), "prior") if source == "prior" else source


def _interpolation(findings: LegacyFindings, name: str) -> Json:
    facts = findings.values["pictures"][name]
    return {
        "images": findings.arrays[name],
        "path": facts["path"],
        "is_quantised": _latent_kind(findings) == "vq",
        "is_conditional": _is_conditional(findings),
    }


def _traversals(findings: LegacyFindings, name: str) -> Json:
    facts = findings.values["pictures"][name]
    return {
        "images": findings.arrays[name],
        "dims": facts["dims"],
        "spans": facts["spans"],
        "latent_dim": findings.values["latent_dim"],
        "has_standard_prior": _has_standard_prior(findings),
    }


def _manifold(findings: LegacyFindings, name: str) -> Json:
    names = findings.values["data"]["label_names"]
    return {
        "images": findings.arrays[name],
        "has_standard_prior": _has_standard_prior(findings),
        "label": names[0] if _is_conditional(findings) and names else None,
    }


def _denoising(findings: LegacyFindings, name: str) -> Json:
    facts = findings.values["pictures"][name]
    images = {kind: findings.arrays[f"denoising_{kind}"] for kind in ("clean", "noisy", "restored")}
    numbers = ("kind", "amount", "mse_noisy", "mse_restored")
    return {
        **images,
        **{key: facts[key] for key in numbers},
        "n": findings.values["evaluation"]["n"],
        "trained_on": "same",
    }


def _latent_kind(findings: LegacyFindings) -> str:
    return str(findings.values["recipe"]["model"]["latent"]["kind"])


def _is_conditional(findings: LegacyFindings) -> bool:
    return bool(findings.values["recipe"]["model"].get("condition"))


def _has_standard_prior(findings: LegacyFindings) -> bool:
    settings: Json = findings.values["recipe"]["model"]["latent"]
    standard = settings["kind"] == "gaussian" and settings.get("prior", "standard") == "standard"
    return bool(standard)
