"""Sample quality, as a classifier of the data sees it."""
