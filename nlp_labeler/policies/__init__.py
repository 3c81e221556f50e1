"""Labelling conventions apart from the linguistics: one TOML file per convention, or the user's own.

``schema`` reads and validates them.
"""
