"""Log-likelihood by importance sampling."""
