"""Every figure the project claims: ``python -m benchmarks NAME`` writes benchmarks/results/NAME.json."""
