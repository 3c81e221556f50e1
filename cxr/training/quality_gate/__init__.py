"""The gate that tells an upright frontal chest radiograph from everything else."""
