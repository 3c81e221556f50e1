"""Networks: backbone, transition, pooling, heads; checkpoints without pickles."""
