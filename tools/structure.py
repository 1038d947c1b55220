"""Report on the structure of the source: lengths of functions and files, and repeated code.

Run by ``make check``; fails when a limit is passed.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

MAX_NINETIETH_PERCENTILE = 16
MAX_BODY = 40
MAX_FILE = 400
MAX_DUPLICATED_SHARE = 0.005
RUN_LENGTH = 6

Line = tuple[Path, int]


def body_lengths(tree: ast.AST) -> list[tuple[int, str, int]]:
    """List (lines of body without docstring, name, first line) of every function."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            found.append((length, node.name, node.lineno))
    return found


def code_lines(path: Path, tree: ast.AST) -> list[tuple[int, str]]:
    """List (line number, text) of the lines that can be duplicates: no imports, text or braces."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom | ast.arguments):
            start = getattr(node, "lineno", 0)
            skipped.update(range(start, (getattr(node, "end_lineno", start) or start) + 1))
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    return [
        (number, line.strip())
        for number, line in lines
        if number not in skipped
        and any(c.isalnum() for c in line)
        and not line.lstrip().startswith("#")
    ]


def duplicated(lines_of: dict[Path, list[tuple[int, str]]]) -> tuple[set[Line], list[str]]:
    """Find lines in runs of `RUN_LENGTH` equal lines that stand in two places or more."""
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    for path, lines in lines_of.items():
        for start in range(len(lines) - RUN_LENGTH + 1):
            run = tuple(text for _, text in lines[start : start + RUN_LENGTH])
            places[run].append((path, start))
    twice: set[Line] = set()
    reports = []
    for found in places.values():
        if len(found) < 2:
            continue
        reports.append(" ~ ".join(f"{path}:{lines_of[path][start][0]}" for path, start in found))
        for path, start in found:
            twice.update((path, number) for number, _ in lines_of[path][start : start + RUN_LENGTH])
    return twice, reports


def main(root: Path) -> int:
    """Print the report; return 1 if a limit is passed."""
    paths = sorted(root.rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    functions = sorted(
        (*entry, path) for path, tree in trees.items() for entry in body_lengths(tree)
    )
    lengths = [entry[0] for entry in functions]
    ninetieth = lengths[int(0.9 * len(lengths))]
    print(f"{len(paths)} files, {len(lengths)} functions. Lines of a body:")
    print(f"  median {median(lengths):g}")
    print(f"  90th percentile {ninetieth} (limit {MAX_NINETIETH_PERCENTILE})")
    print(f"  longest {lengths[-1]} (limit {MAX_BODY})")
    for length, name, line, path in functions[:-4:-1]:
        print(f"  {length:4d}  {name}  {path}:{line}")
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    largest = max(paths, key=sizes.__getitem__)
    print(f"Largest file: {sizes[largest]} lines (limit {MAX_FILE}), {largest}")
    lines_of = {path: code_lines(path, tree) for path, tree in trees.items()}
    twice, reports = duplicated(lines_of)
    share = len(twice) / sum(map(len, lines_of.values()))
    print(f"{share:.1%} of the code lines stand twice (limit {MAX_DUPLICATED_SHARE:.1%})")
    print("".join(f"  {report}\n" for report in reports), end="")
    failed = ninetieth > MAX_NINETIETH_PERCENTILE or lengths[-1] > MAX_BODY
    return int(failed or sizes[largest] > MAX_FILE or share > MAX_DUPLICATED_SHARE)


if __name__ == "__main__":
    sys.exit(main(Path("src/latentscape")))
