"""Every figure the project claims of its own models: ``python -m benchmarks NAME`` writes benchmarks/results/NAME.json.

Not the command ``cxr benchmark`` (:mod:`cxr.benchmark`), which reports on anybody's model; both compute with
:mod:`cxr.evaluation`.
"""
