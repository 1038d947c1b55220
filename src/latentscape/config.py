"""Recipes and studies: what to train, as plain validated data.

A recipe is read from YAML into frozen models; anything in it can be replaced by its dotted path
(``train.lr``), and every mistake is answered with the place and the nearest name that exists.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from latentscape.errors import ConfigError, unknown

Activation = Literal["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
Norm = Literal["none", "batch", "layer"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _kind(value: Any) -> Any:
    """Let ``likelihood: bernoulli`` stand for ``likelihood: {kind: bernoulli}``."""
    return {"kind": value} if isinstance(value, str) else value


class DataConfig(_Part):
    """Where examples come from and how they are split.

    Attributes
    ----------
    source : str
        A name (``latentscape data list``) or a path.
    labels : str or None
        The label column of a table, or a .npy file beside an array. By default a column called
        ``label`` if there is one.
    shape : tuple of int or None
        (C, H, W) or (H, W) of examples that are stored flat.
    range : tuple of float or None
        The stored values that stand for 0 and 1. By default 0..255 for integers, 0..1 for floats.
    resize : tuple of int or None
        (H, W) that the images of a folder are resized to.
    train, test : int or None
        At most so many examples, drawn stratified; None takes all there are.
    validation : float
        Share of the training part that is held out to watch and to choose, 0 for none. It is taken
        from the examples that `train` leaves over where there are enough of them.
    seed : int
        Draws the split. Runs that differ only in ``train.seed`` share it.
    """

    # A headerless table's label column is given by its number, which YAML reads as one.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    source: str = "mnist-5k"
    labels: str | None = None
    shape: (
        Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)] | None
    ) = None
    range: tuple[float, float] | None = None
    resize: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = None
    train: int | None = Field(None, ge=2)
    test: int | None = Field(None, ge=1)
    validation: float = Field(0.1, ge=0, lt=1)
    seed: int = Field(0, ge=0)


class MlpConfig(_Part):
    """Fully connected layers, each followed by normalisation, activation and dropout."""

    kind: Literal["mlp"] = "mlp"
    widths: tuple[Annotated[int, Field(gt=0)], ...]
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, lt=1)


class ConvConfig(_Part):
    """Convolutional stages, each of which halves (encoder) or doubles (decoder) height and width.

    Attributes
    ----------
    channels : tuple of int
        Encoder: what each stage puts out. Decoder: what each stage takes in (the last one puts out
        the image).
    kernel : int
        Odd height and width of each kernel.
    pool : str
        How the encoder halves: ``max`` or ``average`` pooling, or ``stride`` 2. Decoders double by
        transpose convolution with stride 2.
    output_norm : str
        Normalisation of the decoder's last layer, before the likelihood reads it.
    """

    kind: Literal["conv"] = "conv"
    channels: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]
    kernel: Annotated[int, Field(ge=1, le=11)] = 3
    pool: Literal["max", "average", "stride"] = "max"
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, lt=1)
    output_norm: Literal["none", "batch"] = "none"

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that its centre lies on a pixel")


class MirrorConfig(_Part):
    """A decoder that is the encoder backwards."""

    kind: Literal["mirror"] = "mirror"


class PointConfig(_Part):
    """A deterministic code of `dim` numbers: a linear layer and an activation."""

    kind: Literal["point"] = "point"
    dim: int = Field(gt=0)
    activation: Activation = "linear"


class BernoulliConfig(_Part):
    """Each pixel the probability of ink; the loss is binary cross-entropy."""

    kind: Literal["bernoulli"] = "bernoulli"


class GaussianConfig(_Part):
    """Each pixel normal around its reconstruction; the loss is squared error plus a constant.

    Attributes
    ----------
    mean : str
        ``linear``, or ``sigmoid`` to keep the reconstruction in [0, 1].
    variance : float
        Fixed variance. At 1/2 the negative log-likelihood is the squared error plus a constant,
        which is what "trained on MSE" means.
    """

    kind: Literal["gaussian"] = "gaussian"
    mean: Literal["linear", "sigmoid"] = "linear"
    variance: float = Field(0.5, gt=0)


class InitConfig(_Part):
    """How weights start.

    Attributes
    ----------
    kind : str
        ``torch`` (PyTorch's own), ``glorot_uniform`` (Glorot and Bengio 2010; zero biases, as in
        Keras) or ``truncated_normal`` (cut at two standard deviations, as in TensorFlow 1).
    sd : float
        Standard deviation, for ``truncated_normal``.
    bias : float
        Constant that biases start from, for ``truncated_normal``.
    """

    kind: Literal["torch", "glorot_uniform", "truncated_normal"] = "torch"
    sd: float = Field(0.1, gt=0)
    bias: float = 0.0


class InputConfig(_Part):
    """What the model takes; filled in from the data.

    Attributes
    ----------
    shape : tuple of int
        (C, H, W) or (D,).
    range : tuple of float
        The stored values that stand for 0 and 1.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] = (0.0, 255.0)


Encoder = Annotated[MlpConfig | ConvConfig, Field(discriminator="kind")]
Decoder = Annotated[
    MlpConfig | ConvConfig | MirrorConfig, Field(discriminator="kind"), BeforeValidator(_kind)
]
Likelihood = Annotated[
    BernoulliConfig | GaussianConfig, Field(discriminator="kind"), BeforeValidator(_kind)
]


class ModelConfig(_Part):
    """The parts of an autoencoder."""

    encoder: Encoder
    latent: PointConfig
    decoder: Decoder = MirrorConfig()
    likelihood: Likelihood = BernoulliConfig()
    init: Annotated[InitConfig, BeforeValidator(_kind)] = InitConfig()
    input: InputConfig | None = None


class ObjectiveConfig(_Part):
    """What training minimises.

    Attributes
    ----------
    weights : dict of str to float
        Weight of each named term.
    average : str
        ``example`` sums a loss over pixels, as probabilities do; ``pixel`` also divides it by their
        number, as Keras and TensorFlow scripts do, which matters to SGD and to gradient clipping.
        What is logged is per example either way.
    """

    weights: Annotated[
        dict[Literal["reconstruction"], Annotated[float, Field(gt=0)]], Field(min_length=1)
    ] = {"reconstruction": 1.0}
    average: Literal["example", "pixel"] = "example"


class ScheduleConfig(_Part):
    """How the learning rate moves: a pure function of the epoch, so that nothing needs saving.

    Attributes
    ----------
    kind : str
        ``constant``; ``linear`` or ``cosine`` from the full rate to `final` of it at the last
        epoch; ``step``: times `factor` every `every` epochs.
    warmup : float
        Epochs over which the rate first rises from zero.
    """

    kind: Literal["constant", "linear", "cosine", "step"] = "constant"
    warmup: float = Field(0.0, ge=0)
    final: float = Field(0.0, ge=0, le=1)
    every: int = Field(10, gt=0)
    factor: float = Field(0.5, gt=0, le=1)


class TrainConfig(_Part):
    """How weights are fitted.

    Attributes
    ----------
    patience : int or None
        Stop after so many epochs without a better validation loss, and restore the best weights;
        None trains all epochs and keeps the last weights.
    clip_norm : float or None
        Largest allowed norm of the whole gradient.
    snapshots : tuple of int
        Epochs after which 16 fixed test images are reconstructed for the report.
    checkpoint_seconds : float
        A checkpoint is written after every epoch and at least this often within one.
    seed : int
        Draws initial weights, batches and dropout.
    """

    epochs: int = Field(25, gt=0)
    batch_size: int = Field(128, gt=0)
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    schedule: Annotated[ScheduleConfig, BeforeValidator(_kind)] = ScheduleConfig()
    patience: int | None = Field(None, gt=0)
    clip_norm: float | None = Field(None, gt=0)
    snapshots: tuple[Annotated[int, Field(gt=0)], ...] = ()
    checkpoint_seconds: float = Field(30.0, gt=0)
    seed: int = Field(0, ge=0)


class Reported(_Part):
    """A number that the origin of a recipe reported.

    Attributes
    ----------
    metric : str
        Name of the metric as the evaluator calls it.
    value : float
        What was reported.
    latent_dim : int or None
        The latent size it holds for; None where the recipe has only one.
    """

    metric: str
    value: float
    latent_dim: int | None = None


class Recipe(_Part):
    """All that makes a run, but for the machine.

    Attributes
    ----------
    name : str
        Name, as in ``latentscape train NAME``.
    about : str
        One or two sentences.
    origin : str
        Project, course or paper that the recipe repeats.
    protocol : str
        How the origin obtained the numbers in `reported`.
    reported_on : str
        Name of the data they hold for; beside other data they mean nothing and are not shown.
    """

    name: str
    about: str = ""
    origin: str = ""
    protocol: str = ""
    reported: tuple[Reported, ...] = ()
    reported_on: str = "mnist"
    data: DataConfig = DataConfig()
    model: ModelConfig
    objective: ObjectiveConfig = ObjectiveConfig()
    train: TrainConfig = TrainConfig()

    def fingerprint(self, data_fingerprint: str) -> str:
        """SHA-256 over the settings and the data: two runs with the same one are the same run."""
        settings = self.model_dump(mode="json", include={"data", "model", "objective", "train"})
        # Where the data lie and how often progress is saved change nothing that a run holds.
        del settings["data"]["source"], settings["train"]["checkpoint_seconds"]
        content = json.dumps([settings, data_fingerprint], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class StudyEntry(_Part):
    """A recipe in a study, what the study changes in it, and what it is called there."""

    recipe: str
    label: str = ""
    set: dict[str, Any] = {}


class Study(_Part):
    """Recipes and axes to compare.

    Attributes
    ----------
    entries : tuple of StudyEntry
        The recipes.
    axes : dict
        Dotted path to the values it takes; every combination is run.
    variants : dict
        Named sets of changes, an axis of their own.
    set : dict
        Changes made in every run.
    seeds : int
        Training seeds per configuration: 0, 1, ...
    ranked : bool
        Whether the table is ordered by error on the validation examples, best first.
    """

    name: str
    about: str = ""
    origin: str = ""
    entries: Annotated[tuple[StudyEntry, ...], Field(min_length=1)]
    axes: dict[str, tuple[Any, ...]] = {}
    variants: dict[str, dict[str, Any]] = {}
    set: dict[str, Any] = {}
    seeds: int = Field(1, gt=0)
    ranked: bool = False

    def configurations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """List what is run, but for seeds.

        Returns
        -------
        list of tuple
            (label, recipe name, overrides): the label names the recipe and whatever varies.

        Raises
        ------
        ConfigError
            If two configurations would go by the same label.
        """
        combined = []
        for entry, (variant, changes) in product(self.entries, (self.variants or {"": {}}).items()):
            for values in product(*self.axes.values()):
                point = dict(zip(self.axes, values, strict=True))
                parts = [entry.label or Path(entry.recipe).stem, variant, *_axis_labels(point)]
                label = " ".join(part for part in parts if part)
                combined.append(
                    (label, entry.recipe, {**self.set, **entry.set, **changes, **point})
                )
        labels = [label for label, _, _ in combined]
        if len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            fix = "Give each entry a label of its own."
            raise ConfigError(f"The study {self.name} has {twice!r} twice", fix=fix)
        return combined


_Model = TypeVar("_Model", bound=BaseModel)

# What pydantic says in terms of its own, for people who write YAML.
_PLAIN = {
    "model_type": "Expected settings of the form 'key: value'",
    "model_attributes_type": "Expected settings of the form 'key: value'",
    "dict_type": "Expected settings of the form 'key: value'",
    "tuple_type": "Expected a list such as [512, 256]",
    "union_tag_invalid": "The kind {tag!r} is unknown; expected one of {expected_tags}",
    "union_tag_not_found": "The part needs a 'kind'",
}


def validate(model: type[_Model], content: Any, what: str) -> _Model:
    """Turn plain data into a config record.

    Parameters
    ----------
    model : type
        The config class.
    content : Any
        Parsed YAML or JSON.
    what : str
        What the content is, for messages: ``"recipe simple-20"``.

    Raises
    ------
    ConfigError
        With the place, what was got and what was expected, for the first mistake.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # A misspelt key says more than the key that is missing because of it.
        first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
        place = _place(first["loc"], content)
        if first["type"] == "extra_forbidden":
            near = get_close_matches(str(first["loc"][-1]), _all_keys(), n=1, cutoff=0.5)
            fix = f"Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{what} has an unknown key {place}", fix=fix) from error
        told = _PLAIN.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
        got = f" (got {first['input']!r})" if first["type"] != "missing" else ""
        raise ConfigError(f"{what}, {place or 'as a whole'}: {told}{got}") from error


def override(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Replace parts of a recipe by their dotted paths.

    Giving a part another ``kind`` (or its name alone: ``model.likelihood: gaussian``) starts that
    part anew, since the settings of one kind mean nothing to another.

    Parameters
    ----------
    recipe : Recipe
        The recipe to start from; it is not changed.
    changes : mapping
        Dotted path to value, as in ``{"train.lr": 3e-4, "model.latent.dim": 2}``.

    Raises
    ------
    ConfigError
        For a path that does not exist (with the nearest that does) or a value that does not fit.
    """
    content = recipe.model_dump(mode="json")
    for path in sorted(changes, key=lambda path: not path.endswith(".kind")):
        _replace(content, path, changes[path], recipe)
    return validate(Recipe, content, f"recipe {recipe.name}")


def parse_setting(text: str) -> tuple[str, Any]:
    """Read ``path=value`` from the command line, the value as YAML.

    Raises
    ------
    ConfigError
        If there is no ``=`` or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text} has no '='", expected="PATH=VALUE, as in train.lr=3e-4")
    try:
        return path.strip(), _number(yaml.safe_load(value))
    except (yaml.YAMLError, ValueError) as error:  # PyYAML's dates raise ValueError.
        reason = " ".join(str(error).split())
        raise ConfigError(f"The value in --set {text} is not YAML: {reason}") from error


def recipe_names() -> list[str]:
    """Names of the recipes that come with Latentscape."""
    return _names("recipes")


def study_names() -> list[str]:
    """Names of the studies that come with Latentscape."""
    return _names("studies")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe by name or from a YAML file.

    Parameters
    ----------
    name_or_path : str or Path
        ``simple-20``, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Recipe
        The recipe, validated.

    Raises
    ------
    ConfigError
        If there is none of that name, or the file is not a recipe.
    """
    return validate(Recipe, *_read_yaml("recipe", "recipes", name_or_path))


def load_study(name_or_path: str | Path) -> Study:
    """Read a study by name or from a YAML file.

    Parameters
    ----------
    name_or_path : str or Path
        ``ae-vs-cae``, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Study
        The study, validated.

    Raises
    ------
    ConfigError
        If there is none of that name, or the file is not a study.
    """
    return validate(Study, *_read_yaml("study", "studies", name_or_path))


def _place(path: Sequence[int | str], content: Any) -> str:
    """Write pydantic's path to a mistake without the union members that nobody wrote."""
    steps = []
    for depth, step in enumerate(path):
        known = isinstance(content, Mapping) and step in content
        if known or isinstance(step, int) or depth == len(path) - 1:
            steps.append(str(step))
            indexed = isinstance(step, int) and isinstance(content, list | tuple)
            content = content[step] if known or indexed else None
    return ".".join(steps)


def _homes() -> dict[str, str]:
    """Map the bare names of settings to their paths, for people who leave the first part out."""
    sections: dict[str, type[BaseModel]] = {
        "data": DataConfig,
        "objective": ObjectiveConfig,
        "train": TrainConfig,
    }
    return {name: f"{part}.{name}" for part in sections for name in sections[part].model_fields}


def _all_keys() -> set[str]:
    return {name for part in _Part.__subclasses__() for name in part.model_fields}


def _axis_labels(point: Mapping[str, Any]) -> list[str]:
    return [
        f"{path.removesuffix('.dim').rpartition('.')[2]} {value}" for path, value in point.items()
    ]


def _replace(content: dict[str, Any], path: str, value: Any, recipe: Recipe) -> None:
    *parents, last = path.split(".")
    part: dict[str, Any] = content
    record: Any = recipe
    for depth, name in enumerate([*parents, last]):
        # Free dictionaries (objective weights) and parts whose kind has just been changed have no
        # fields to look a name up in; validation names what is wrong in them.
        known = isinstance(record, BaseModel) and part.get("kind") == getattr(record, "kind", None)
        fields = type(record).model_fields if known else None
        if fields is not None and name not in fields:
            place = ".".join([*parents, last][:depth])
            if not place and path in (homes := _homes()):
                raise ConfigError(f"There is no setting {path}", fix=f"Did you mean {homes[path]}?")
            raise unknown(f"setting in {place or 'the recipe'}", name, fields, ConfigError)
        if depth == len(parents):
            break
        part, record = part.get(name, {}), getattr(record, name, None)
        if not isinstance(part, dict) or (record is None and not part):
            place = ".".join(parents[: depth + 1])
            raise ConfigError(f"{place} has no parts, so {path} cannot be set")
    if last == "kind" and part.get("kind") != value:
        part.clear()
    part[last] = value


def _number(value: Any) -> Any:
    """YAML 1.1 reads 3e-4 as text; people mean a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _names(folder: str) -> list[str]:
    files = (resources.files("latentscape") / folder).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def _read_yaml(what: str, folder: str, name_or_path: str | Path) -> tuple[Any, str]:
    name = str(name_or_path)
    file: Traversable
    if name.endswith((".yaml", ".yml")):
        file = Path(name)
    elif name in _names(folder):
        file = resources.files("latentscape") / folder / f"{name}.yaml"
    else:
        raise unknown(what, name, _names(folder), ConfigError)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{what} {name} cannot be read: {reason}") from error
    if isinstance(content, dict):
        content.setdefault("name", Path(name).stem)
    return content, f"{what} {name}"
