"""Runs in a process of its own, as the peers do: labels the reports on standard input, several times.

Standard input: JSON with ``engine``, ``texts`` and ``rounds``. Standard output: JSON list with the CPU seconds of each
round, each with a labeler that has seen nothing before.
"""

import json
import sys
import time

from nlp_labeler.labeler import Labeler
from nlp_labeler.parser.model import keep_torch_out


def main() -> None:
    """Read the task, run it, write the result."""
    keep_torch_out()
    task = json.load(sys.stdin)
    Labeler.load(engine=task["engine"]).label("Warm up: no effusion.")
    seconds: list[float] = []
    for _ in range(task["rounds"]):
        labeler = Labeler.load(engine=task["engine"])
        started = time.process_time()
        for _result in labeler.pipe(task["texts"]):
            pass
        seconds.append(time.process_time() - started)
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()
