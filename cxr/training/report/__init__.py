"""From a dataset of reports and a finished classifier to a report generator's checkpoint."""
