"""ChestX-ray8-style datasets: build, read, split by patient, cache."""
