"""The numbers that documents state: measured, kept in ``results/``, and written into the pages.

``python -m tools.evidence NAME`` measures ``results/NAME.json`` again and writes the pages;
``python -m tools.evidence pages`` only writes the pages.
"""
