"""Maps: codes laid out in the plane."""
