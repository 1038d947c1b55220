"""One module for each symptom; `latentscape.doctor.registry` lists them."""
