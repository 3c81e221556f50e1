"""Several teachers, cross-fitted by patient, distilled into one network.

recipe (the validated TOML file), films (radiographs in memory, changed at random where they are), fitting (one or many
networks trained at a time), experts (what is known of a film beside its pixels), soft_targets (their scores combined
and mixed with the labels), distill (the command's work).
"""
