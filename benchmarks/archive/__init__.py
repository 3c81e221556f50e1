"""The mangled archive of a hospital, from export to trained model."""
