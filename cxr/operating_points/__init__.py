"""Certified thresholds at low false-positive rates, and the file that travels with a model."""
