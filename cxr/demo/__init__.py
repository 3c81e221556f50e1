"""The whole path on the phantom cohort, and its score against the truth that no stage has seen."""
