"""CSV, JSON lines, overlays and the worklist page, each from ScreeningResult alone."""
