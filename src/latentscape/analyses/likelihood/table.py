"""A likelihood on the terminal."""

from latentscape.analyses.likelihood.result import Likelihood
from latentscape.analyses.likelihood.sentences import describe_protocol, describe_warning
from latentscape.analyses.notes import describe_drawn
from latentscape.core.units import number
from latentscape.reporting.sentences import as_sentence
from latentscape.terminal.layout import print_line


def print_likelihood(result: Likelihood) -> None:
    """Print a likelihood, and how it was estimated."""
    error = "" if result.se is None else f" ± {number(result.se, 2)}"
    bits = result.bits_per_dim
    in_bits = "" if bits is None else f", {number(bits)} bits per dimension"
    print_line(f"NLL {number(result.nll)}{error} nats per image{in_bits}")
    protocol = [*describe_drawn(result), *describe_protocol(result)]
    print_line(" ".join(map(as_sentence, protocol)), "dim", indent=2)
    if warning := describe_warning(result):
        print_line(warning, "yellow", indent=2)
