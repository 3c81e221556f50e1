"""A benchmark of one model on held-out images: read, check, compute, write, compare.

- csv_table, predictions, leakage: the two tables in, joined and checked
- held_out_points, figures: everything that is computed
- sections, plots, json_report, write: benchmark.json, .md, .html
- compare: two benchmarks of the same images
- from_predictions, from_bundle, bundle_reader: the two ways in
"""
