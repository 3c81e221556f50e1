"""Several teachers, cross-fitted by patient, distilled into one network.

recipe (the validated TOML file), films (radiographs in memory, changed at random where they are), taught_classifier (a
classifier with heads for age, sex and view beside it), fitting (one or many networks trained at a time), soft_targets
(what teachers say of films they have not seen), distill (the command's work).
"""
