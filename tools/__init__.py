"""What the makers of Latentscape run, and its users do not need."""
