"""Figures with patient-cluster intervals: classification, calibration, localization, subgroups."""
