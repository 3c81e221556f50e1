"""File -> float image in [0, 1] -> network input, the same in training and in the clinic."""
