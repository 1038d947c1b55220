"""The layers of the design: imports point down, and never in a circle."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "latentscape"

# A unit is a module or a package directly under latentscape. It may import only from lower layers.
LAYERS = [
    {"core"},
    {"config"},
    {"data", "model"},
    {"runs"},
    {"parallel"},
    {"training", "inference"},
    {"evaluation"},
    {"reporting"},
    {"terminal", "tracking"},
    {"analyses", "exports"},
    {"doctor"},
    {"explorer", "plotting"},
    {"api"},
    {"estimators"},
    {"cli"},
]
LAYER_OF = {unit: number for number, units in enumerate(LAYERS) for unit in units}
DOORS = {
    ("analyses/analysis.py", "analyses.tables"),
    ("core/doors.py", "api.display"),
    ("evaluation/study.py", "analyses.tables"),
    ("runs/directory.py", "analyses.tables"),
    ("runs/directory.py", "plotting"),
}
"""Modules that objects reach by name, through `latentscape.core.doors.door`.

What a door gives may also be imported for its type.
"""

MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Modules of latentscape that a file imports anywhere, as dotted names below the root."""
    names: set[str] = set()
    tree = ast.parse((SOURCE / path).read_text(encoding="utf-8"))
    for node in set(ast.walk(tree)) - types_of_doors(path, tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names}
    inside = {name for name in names if name.split(".")[0] == "latentscape"}
    return {name.removeprefix("latentscape").lstrip(".") for name in inside}


def types_of_doors(path: Path, tree: ast.AST) -> set[ast.AST]:
    """Imports of types that the doors of a file give."""
    modules = {f"latentscape.{module}" for file, module in DOORS if file == path.as_posix()}
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    typing = [block for block in blocks if getattr(block.test, "id", "") == "TYPE_CHECKING"]
    statements = [statement for block in typing for statement in block.body]
    return {s for s in statements if isinstance(s, ast.ImportFrom) and s.module in modules}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_down(path):
    unit = module_name(path).split(".")[0]
    if unit in ("", "__main__"):
        return
    assert unit in LAYER_OF, f"{unit} has no place in the layers"
    for name in imported(path):
        assert name, f"{path} imports the package root"
        other = name.split(".")[0]
        if other != unit:
            assert other in LAYER_OF, f"{path} imports {other}, which has no place in the layers"
            assert LAYER_OF[other] < LAYER_OF[unit], f"{path} imports upwards: {name}"


def test_no_circle():
    known = {module_name(path): path for path in MODULES}
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        edges[name] = set()
        for target in imported(path):
            # "config.Recipe" names an object of the module config.
            module = target if target in known else target.rpartition(".")[0]
            if module in known and module != name:
                edges[name].add(module)
    edges.pop("", None)
    while edges:
        leaves = [name for name, targets in edges.items() if not targets & edges.keys()]
        assert leaves, f"modules import each other in a circle: {sorted(edges)}"
        for name in leaves:
            del edges[name]


def test_every_door_is_known_and_leads_somewhere():
    doors = {
        (path.as_posix(), node.args[0].value)
        for path in MODULES
        for node in ast.walk(ast.parse((SOURCE / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "door"
    }
    assert doors == DOORS
    assert {module for _, module in doors} <= {module_name(path) for path in MODULES}
