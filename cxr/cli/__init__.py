"""The ``cxr`` command: one file per subcommand."""
