"""Other assertion libraries on the same reports in the same run, each with the same phrases for the eight labels.

They live in an environment of their own under .cache, since they need other versions of spaCy and numpy. Both run on
blank pipelines: neither needs a model.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.provenance import ROOT
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["GIVEN", "PEERS", "PeerResult", "run_peer"]

PEERS = ("negspaCy", "medspaCy")
REQUIREMENTS = (
    "medspacy==1.3.1",
    "negspacy==1.0.4",
    "numpy==1.26.4",
    "setuptools==80.9.0",
    "spacy==3.7.5",
    "thinc==8.2.4",
)
ENVIRONMENT = ROOT / ".cache" / "peers"
HERE = Path(__file__).parent
GIVEN = "phrases.toml for findings, the peer's own published rules for assertion"


@dataclass(frozen=True)
class PeerResult:
    """What a peer found and how long it took.

    Attributes:
        positive: bool (N, 8): reports with an affirmed mention of each label.
        seconds: CPU time of each round over all reports.
    """

    positive: np.ndarray
    seconds: tuple[float, ...]


def peer_python() -> Path:
    """The interpreter of the peers' environment, which is built on first use."""
    python = ENVIRONMENT / "bin" / "python"
    built = ENVIRONMENT / "built.json"
    wanted = json.dumps(REQUIREMENTS)
    if not built.is_file() or built.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        built.write_text(wanted)
    return python


def run_peer(peer: str, texts: Sequence[str], rounds: int) -> PeerResult:
    """Label reports with one of :data:`PEERS`, several times over.

    Args:
        peer: its name.
        texts: N reports.
        rounds: how often, for the median of the speeds.
    """
    phrases = tomllib.loads((HERE / "phrases.toml").read_text())
    task = {"peer": peer, "texts": [text or " " for text in texts], "phrases": phrases, "rounds": rounds}
    done = subprocess.run(
        [str(peer_python()), str(HERE / "peer_runner.py")],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    positive = np.array([[name in found for name in CHESTXRAY8] for found in result["positive"]])
    return PeerResult(positive, tuple(result["seconds"]))
