"""Checkpoint -> ONNX bundle, with parity proof."""
