"""The knowledge of the labeler as data: concepts, cues, attributes, sections and word groups, one TOML file each.

``patterns`` compiles the little language the terms are written in; ``tables`` loads and validates the files.
"""
