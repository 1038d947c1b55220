"""The doctor: what is wrong with a model, why, and the setting that mends it."""
