"""The clinic's runtime: bundle + file -> ScreeningResult. No torch in the process."""
