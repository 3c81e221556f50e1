"""``python -m cxr.cli`` is the ``cxr`` command."""

from cxr.cli.main import main

main()
