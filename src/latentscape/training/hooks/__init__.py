"""What follows training: each hook is a few lines. `latentscape.training.hook` is their base."""
