"""Recipes and Lightning modules that turn a dataset into a checkpoint."""
