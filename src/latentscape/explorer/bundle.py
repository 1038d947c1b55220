"""The built page: scripts, style and the program that runs models, none of which is committed."""

from pathlib import Path

from latentscape.core.errors import RunError

FOLDER = Path(__file__).parent / "page"
"""Where ``make install`` and the build of a wheel put it."""

SCRIPT, STYLE, RUNTIME, LICENCES = "explorer.js", "explorer.css", "ort.wasm", "LICENSES.txt"
"""The page's script and style; ONNX Runtime as WebAssembly; the licences of all of it."""

FILES = (SCRIPT, STYLE, RUNTIME, LICENCES)

REPORT_SCRIPT = "report.js"
"""What makes a report answer; a report does without it."""


def bundle_file(name: str) -> Path:
    """Return where a file of the bundle is.

    Raises
    ------
    RunError
        If the bundle was not built.
    """
    check_bundle()
    return FOLDER / name


def report_script() -> str:
    """Return the script of reports; empty where the bundle was not built."""
    file = FOLDER / REPORT_SCRIPT
    return file.read_text("utf-8").replace("</script", "<\\/script") if file.is_file() else ""


def check_bundle() -> None:
    """Refuse where the bundle was not built, before anything is computed.

    Raises
    ------
    RunError
        Which says how it is built.
    """
    absent = [name for name in FILES if not (FOLDER / name).is_file()]
    if absent:
        raise RunError(
            f"The page of the explorer is not built: {', '.join(absent)} missing",
            fix="In a checkout of Latentscape, run: python web/build.py (make install does it too)."
            " Installed packages carry it.",
        )
