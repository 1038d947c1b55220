"""Recipes and studies: what to train, as plain validated data.

A recipe is read from YAML into frozen models; anything in it can be replaced by its dotted path
(``train.lr``).
"""

from latentscape.config.data import DataConfig
from latentscape.config.model import (
    BernoulliConfig,
    ContinuousBernoulliConfig,
    ConvConfig,
    CorruptionConfig,
    DiscretisedLogisticConfig,
    GaussianConfig,
    GaussianLatentConfig,
    InitConfig,
    InputConfig,
    MirrorConfig,
    MlpConfig,
    ModelConfig,
    PointConfig,
    VqConfig,
)
from latentscape.config.reading import (
    load_recipe,
    load_study,
    override,
    parse_setting,
    recipe_names,
    study_names,
    validate,
)
from latentscape.config.recipe import Recipe, Reported
from latentscape.config.study import Study, StudyEntry
from latentscape.config.training import CapacityConfig, ObjectiveConfig, ScheduleConfig, TrainConfig

__all__ = [
    "BernoulliConfig",
    "CapacityConfig",
    "ContinuousBernoulliConfig",
    "ConvConfig",
    "CorruptionConfig",
    "DataConfig",
    "DiscretisedLogisticConfig",
    "GaussianConfig",
    "GaussianLatentConfig",
    "InitConfig",
    "InputConfig",
    "MirrorConfig",
    "MlpConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "PointConfig",
    "Recipe",
    "Reported",
    "ScheduleConfig",
    "Study",
    "StudyEntry",
    "TrainConfig",
    "VqConfig",
    "load_recipe",
    "load_study",
    "override",
    "parse_setting",
    "recipe_names",
    "study_names",
    "validate",
]
