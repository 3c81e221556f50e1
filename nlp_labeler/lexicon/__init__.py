"""The knowledge of the labeler as data: concepts, cues, attributes, sections and word groups, one TOML file each.

``tables`` loads and validates them and compiles their terms.
"""
