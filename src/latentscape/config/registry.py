"""How a recipe names its parts: registries, and the pydantic fields that look a name up in them.

A part has two sides. Its *settings* are a frozen pydantic model that also states what the part can
do: its capabilities. Its *implementation* is PyTorch code in a layer above. An entry of a registry
is the settings (or, for parts without settings of their own, a short record), and it names the
implementation as ``"module:object"``. The name is resolved when the part is first built, so that
recipes are read, listed and checked without importing PyTorch, which takes a second.

The registries are dictionaries: `BODIES`, `LATENTS`, `LIKELIHOODS`, `CORRUPTIONS`, `TERMS`,
`OPTIMIZERS` and `SAMPLERS`. A new part is a module with the implementation and an entry here. A
module outside this package may hold both sides: an implementation can also be the object itself.
Fields look entries up when they validate a recipe, so an entry can be added at any time.
Implementations are read from the class of the settings: read from an instance, a function would
become a method.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from latentscape.config.parts import Part

Implementation = str | Callable[..., Any]
"""A function or class, or where it is: ``"latentscape.model.likelihoods:Bernoulli"``."""


def load(implementation: object) -> Any:
    """Return an implementation, importing its module where it is only named."""
    return _imported(implementation) if isinstance(implementation, str) else implementation


@cache
def _imported(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class OneOf:
    """Marks a field that holds the settings of any registered kind, told apart by ``kind``.

    It answers mistakes as pydantic's own discriminated unions do. These are fixed when the class is
    created; this field sees entries that are added later.

    Attributes
    ----------
    registry : mapping of str to type
        From each kind to the class of its settings.
    accepts : callable, optional
        Whether a class may stand in this field; by default every class may.
    """

    registry: Mapping[str, type[Part]]
    accepts: Callable[[Any], bool] = lambda settings: True

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # Written out by the class of the value, which has more fields than the declared base class.
        return core_schema.no_info_plain_validator_function(
            self._validate, serialization=core_schema.simple_ser_schema("any")
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"oneOf": [settings.model_json_schema() for settings in self._choices().values()]}

    def _choices(self) -> dict[str, type[Part]]:
        return {kind: entry for kind, entry in self.registry.items() if self.accepts(entry)}

    def _validate(self, value: Any) -> Part:
        choices = self._choices()
        if isinstance(value, tuple(choices.values())):
            return cast(Part, value)
        if not isinstance(value, Mapping):
            raise PydanticKnownError("model_attributes_type")
        if "kind" not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'kind'"})
        kind = value["kind"]
        if not isinstance(kind, str) or kind not in choices:
            context = {
                "discriminator": "'kind'",
                "tag": str(kind),
                "expected_tags": ", ".join(map(repr, choices)),
            }
            raise PydanticKnownError("union_tag_invalid", context)
        return choices[kind].model_validate(value)


@dataclass(frozen=True, eq=False)  # The annotation of a union has to be hashable.
class Name:
    """Marks a field that holds the name of an entry; it answers mistakes as ``Literal`` does.

    Attributes
    ----------
    registry : mapping
        Whose keys are the names.
    """

    registry: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._validate, serialization=core_schema.simple_ser_schema("str")
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": list(self.registry)}

    def _validate(self, value: Any) -> str:
        if isinstance(value, str) and value in self.registry:
            return value
        *names, last = map(repr, self.registry)
        expected = f"{', '.join(names)} or {last}" if names else last
        raise PydanticKnownError("literal_error", {"expected": expected})
