"""Analysis: what a trained model has learned, measured and pictured."""
