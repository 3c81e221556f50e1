"""The synthetic cohort: anatomy, findings, report language, and the truth about them."""
