"""The members of a registry as small settings, so that a law is tried on every one of them."""

from typing import Literal, get_args, get_origin


def smallest(settings, **changes):
    """Build settings from the examples that their required fields name."""
    fields = settings.model_fields.items()
    required = {name: field.examples[0] for name, field in fields if field.is_required()}
    return settings(**required | changes)


def choices(annotation):
    """List the words that an annotation allows, also beside other types."""
    if get_origin(annotation) is Literal:
        return [*get_args(annotation)]
    return [word for part in get_args(annotation) for word in choices(part)]


def variants(registry):
    """Yield small settings of every kind, and of every word that a setting of it may have."""
    for settings in registry.values():
        yield smallest(settings)
        for name, field in settings.model_fields.items():
            for word in choices(field.annotation):
                if word != field.default and name != "kind":
                    yield smallest(settings, **{name: word})
