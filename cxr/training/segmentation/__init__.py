"""The lung and heart segmentation: its masked radiographs, its training."""
