"""What the trainings have in common: batches, losses, frozen features, the way Lightning runs."""
