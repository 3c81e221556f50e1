"""Weakly supervised chest X-ray screening: from reports and images to a screened radiograph.

The folders name the pipeline: imaging, datasets, phantom, models, training, localization, evaluation,
operating_points, reporting, export, screening, outputs. The command line is :mod:`cxr.cli`.
Research software, not a medical device.
"""

__version__ = "0.1.0"
