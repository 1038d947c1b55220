"""Values of settings that mend, rounded as people would write them."""


def significant(value: float, digits: int = 1) -> float:
    """Round to so many significant digits."""
    return float(f"{value:.{digits - 1}e}")
