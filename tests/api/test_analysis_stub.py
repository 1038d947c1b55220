"""What editors and type checkers see of the functions of analyses."""

import ast
from pathlib import Path

from tools.analysis_stub import FILE, stub

import latentscape
from latentscape.analyses.registry import function_names

SOURCE = Path(latentscape.__file__)


def test_the_stub_is_what_the_registry_says():
    assert FILE.read_text(encoding="utf-8") == stub(), "Run: python -m tools.analysis_stub"


def test_every_function_of_an_analysis_is_seen_in_the_package():
    assert "    from latentscape.api.analysis_functions import *" in SOURCE.read_text("utf-8")
    defined = {node.name for node in ast.parse(stub()).body if isinstance(node, ast.FunctionDef)}
    assert defined == set(function_names())


def test_types_say_what_is_taken_and_given():
    functions = {
        node.name: node for node in ast.parse(stub()).body if isinstance(node, ast.FunctionDef)
    }
    cluster = functions["cluster"]
    types = {item.arg: ast.unparse(item.annotation) for item in cluster.args.kwonlyargs}
    assert ast.unparse(cluster.args.args[0].annotation) == "str | Path | Run | Comparison"
    assert types["k"] == "int | Literal['auto'] | None"
    assert types["methods"] == "Sequence[str]"
    assert types["quiet"] == "bool"
    assert ast.unparse(cluster.returns) == "Clusters"
    assert ast.get_docstring(cluster) == latentscape.cluster.__doc__.strip()
