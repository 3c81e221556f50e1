"""Where the figures of a training go while it runs: Lightning's loggers by name, their files inside the run folder."""

import csv
import os
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from cxr.errors import ConfigError, MissingExtraError

__all__ = ["DEFAULT_LOGGERS", "LOGGERS", "check_loggers", "csv_logger", "training_loggers"]

LOGGERS = ("csv", "tensorboard", "mlflow", "wandb")
"""Names of the loggers; the last two need an extra of their name."""

DEFAULT_LOGGERS = ("csv", "tensorboard")
"""What a training writes if nothing else is asked for."""

_FOLDER = "logs"


def check_loggers(names: Sequence[str]) -> None:
    """Refuse what cannot be logged to, before anything is trained.

    Raises:
        ConfigError: if there is no such logger.
        MissingExtraError: if it is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise ConfigError(f"--logger {name}: choose of {', '.join(LOGGERS)}")
        if name in ("mlflow", "wandb") and find_spec(name) is None:
            raise MissingExtraError(f"logging to {name}", name)


def training_loggers(names: Sequence[str], run: Path, title: str, last: Path) -> list[Logger]:
    """The loggers of a training.

    Args:
        names: of :data:`LOGGERS`.
        run: the run folder. MLflow writes to RUN/mlflow.db, unless MLFLOW_TRACKING_URI names a server; Weights & Biases
            keeps what `wandb sync` uploads.
        title: what the run is called.
        last: the file that a resumed training goes on from.
    """
    check_loggers(names)
    loggers: list[Logger] = []
    for name in names:
        if name == "csv":
            loggers.append(csv_logger(run, last))
        elif name == "tensorboard":
            loggers.append(TensorBoardLogger(run, name=_FOLDER, version=""))
        elif name == "mlflow":
            place = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{run.absolute() / 'mlflow.db'}"
            loggers.append(MLFlowLogger(experiment_name="cxr", run_name=title, tracking_uri=place))
        else:
            loggers.append(WandbLogger(project="cxr", name=title, save_dir=run, offline=True))
    return loggers


def csv_logger(run: Path, last: Path) -> CSVLogger:
    """RUN/logs/metrics.csv, which Lightning would begin anew: what a resumed training had logged stays in it.

    Args:
        run: the run folder.
        last: the file that a resumed training goes on from; rows of later steps are logged again and dropped.
    """
    file = run / _FOLDER / "metrics.csv"
    earlier: list[dict[str, str]] = []
    if file.is_file() and last.is_file():
        reached = torch.load(last, map_location="cpu", weights_only=True)["global_step"]
        with file.open(newline="", encoding="utf-8") as stream:
            earlier = [row for row in csv.DictReader(stream) if (row.get("step") or "").isdigit()]
        earlier = [row for row in earlier if int(row["step"]) < reached]
    logger = CSVLogger(run, name=_FOLDER, version="")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the folder is not empty
        logger.experiment.metrics.extend({name: value for name, value in row.items() if value} for row in earlier)
    if earlier:
        logger.save()
    return logger
