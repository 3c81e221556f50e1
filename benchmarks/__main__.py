"""``python -m benchmarks NAME...`` runs benchmarks; ``all`` runs every one; ``readme`` only rewrites the tables.

A benchmark is a module of this package with ``run() -> list[Row]``.
"""

import sys
from importlib import import_module
from pkgutil import iter_modules

import benchmarks
from benchmarks import readme
from benchmarks.record import Recording

PARTS = {"__main__", "provenance", "readme", "record"}


def names() -> list[str]:
    """Names of all benchmarks, sorted."""
    return sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name not in PARTS)


def main(arguments: list[str]) -> int:
    """Run what was asked for and rewrite the README tables; 2 where a name is not known."""
    chosen = names() if arguments == ["all"] else [a for a in arguments if a != "readme"]
    unknown = sorted(set(chosen) - set(names()))
    if not arguments or unknown:
        found = f"unknown {unknown}; " if unknown else ""
        print(f"benchmarks: {found}choose from {[*names(), 'readme', 'all']}", file=sys.stderr)
        return 2
    for name in chosen:
        recording = Recording(name)
        print(recording.write(import_module(f"benchmarks.{name}").run()))
    readme.regenerate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
