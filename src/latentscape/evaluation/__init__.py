"""How well a model does: errors, baselines, rates, the judge."""
