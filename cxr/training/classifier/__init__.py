"""From a dataset of images and labels to a classifier's checkpoint."""
