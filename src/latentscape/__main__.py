"""Run the command line with ``python -m latentscape``."""

from latentscape.cli import main

main()
