"""The command ``cxr benchmark``: how good one model is on anybody's held-out films, as a report to keep.

The metrics that it computes are :mod:`cxr.evaluation`'s; the figures that this project claims of its own models are
rows of ``benchmarks``, outside the package.

- tables: the two tables in, predictions and labels, joined and checked
- from_bundle: the other way in, a bundle over a dataset's split, screened as the clinic screens
- figures, held_out_points: everything that is computed
- sections, plots, write: benchmark.json, .md, .html
- compare: two benchmarks of the same images
"""
