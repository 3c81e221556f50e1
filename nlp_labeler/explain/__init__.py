"""Show why a report has its labels: on the terminal (``terminal``) and as a page (``page``)."""
