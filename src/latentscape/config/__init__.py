"""Recipes and studies: what to train, as plain validated data.

A recipe is read from YAML into frozen models; anything in it can be replaced by its dotted path
(``train.lr``). What a recipe may name is in the registries; see `latentscape.config.registry`.
"""

from latentscape.config.bodies import (
    BODIES,
    BodyConfig,
    ConvConfig,
    MirrorConfig,
    MlpConfig,
    ModuleConfig,
)
from latentscape.config.corruptions import CORRUPTIONS, Corruption, CorruptionConfig
from latentscape.config.critics import CriticsConfig
from latentscape.config.data import DataConfig
from latentscape.config.fitting import fit_training, with_epochs
from latentscape.config.latents import (
    LATENTS,
    GaussianLatentConfig,
    LatentConfig,
    PointConfig,
    VqConfig,
)
from latentscape.config.likelihoods import (
    LIKELIHOODS,
    BernoulliConfig,
    ContinuousBernoulliConfig,
    DiscretisedLogisticConfig,
    GaussianConfig,
    LikelihoodConfig,
    LikelihoodKind,
)
from latentscape.config.model import InitConfig, InputConfig, ModelConfig
from latentscape.config.optimizers import OPTIMIZERS
from latentscape.config.parts import Changes
from latentscape.config.placement import Placement, PlacementKind
from latentscape.config.reading import (
    load_recipe,
    load_study,
    names_study,
    override,
    parse_setting,
    recipe_names,
    study_names,
    validate,
)
from latentscape.config.recipe import FAMILIES, Family, Published, Recipe, Reported
from latentscape.config.registry import Implementation, load
from latentscape.config.samplers import SAMPLERS
from latentscape.config.short_names import SHORT_NAMES, join_changes
from latentscape.config.study import SearchMetric, Study, StudyEntry
from latentscape.config.terms import AUTOENCODER, GENERATOR, TERMS, Term, adversaries
from latentscape.config.training import (
    AverageConfig,
    CapacityConfig,
    ObjectiveConfig,
    PlayerConfig,
    ScheduleConfig,
    TrainConfig,
)

__all__ = [
    "AUTOENCODER",
    "Changes",
    "BODIES",
    "CORRUPTIONS",
    "LATENTS",
    "LIKELIHOODS",
    "OPTIMIZERS",
    "SAMPLERS",
    "SHORT_NAMES",
    "TERMS",
    "BernoulliConfig",
    "BodyConfig",
    "AverageConfig",
    "CapacityConfig",
    "ContinuousBernoulliConfig",
    "FAMILIES",
    "CriticsConfig",
    "GENERATOR",
    "ConvConfig",
    "Corruption",
    "CorruptionConfig",
    "DataConfig",
    "DiscretisedLogisticConfig",
    "Family",
    "GaussianConfig",
    "GaussianLatentConfig",
    "Implementation",
    "InitConfig",
    "InputConfig",
    "LatentConfig",
    "LikelihoodConfig",
    "LikelihoodKind",
    "MirrorConfig",
    "MlpConfig",
    "ModelConfig",
    "ModuleConfig",
    "ObjectiveConfig",
    "Placement",
    "PlacementKind",
    "PlayerConfig",
    "PointConfig",
    "Published",
    "Recipe",
    "Reported",
    "ScheduleConfig",
    "SearchMetric",
    "Study",
    "StudyEntry",
    "Term",
    "TrainConfig",
    "VqConfig",
    "adversaries",
    "join_changes",
    "fit_training",
    "load",
    "load_recipe",
    "load_study",
    "names_study",
    "override",
    "parse_setting",
    "recipe_names",
    "study_names",
    "validate",
    "with_epochs",
]
