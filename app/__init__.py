"""The triage page (Gradio). Run from a checkout: ``python -m app``."""
