"""A second look at a film that passed the gate, through the eyes of the finding network: may its scores be believed?

The gate (:mod:`cxr.imaging.quality`) is small and looks at 96 pixels. The finding network has computed, for its own
ends, an embedding of the film and the outlines of lungs and heart. On a lateral film both are odd: one lung field, a
heart beside no second lung. A small network on them tells good films from what resembles them, at no cost worth
measuring. Two limits: above the higher one a film is refused, between them its result is doubtful.

Beside it stands a distance that knows of no kinds: how far the embedding lies from those of the films that the network
was calibrated on (Mahalanobis distance; Lee 2018, "A Simple Unified Framework for Detecting
Out-of-Distribution Samples"). It is given relative to the limit that one in a hundred of those films exceeds.
"""

from dataclasses import dataclass, fields
from io import BytesIO
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cxr.errors import BundleError, RefusalCode, RefusedInputError
from cxr.reporting.doubt import Doubt
from cxr.screening.network import NetworkOutput

__all__ = ["GOOD_FILM", "KINDS", "FilmCheck", "Suspicion", "film_features"]

GOOD_FILM = "good"
KINDS = (GOOD_FILM, "lateral", "cropped", "several_views", "photographed", "screenshot", "annotated", "child", "other")
"""What the network tells apart, in the order of its outputs."""

_REFUSALS = {
    "lateral": (RefusalCode.WRONG_VIEW, "the picture looks like a lateral chest film; frontal views are read"),
    "cropped": (RefusalCode.CROPPED, "the picture shows only a part of the chest"),
    "several_views": (RefusalCode.NOT_FRONTAL_CHEST, "the picture seems to hold several films; send each by itself"),
    "other": (RefusalCode.NOT_FRONTAL_CHEST, "the picture does not look like a frontal chest radiograph"),
}
_DOUBTS = {
    "lateral": Doubt.PERHAPS_LATERAL,
    "cropped": Doubt.PERHAPS_CROPPED,
    "several_views": Doubt.SEVERAL_VIEWS,
    "photographed": Doubt.PHOTOGRAPHED,
    "screenshot": Doubt.SCREENSHOT,
    "annotated": Doubt.ANNOTATED,
    "child": Doubt.CHILD,
    "other": Doubt.UNUSUAL,
}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the second look finds.

    Attributes:
        kinds: kind -> probability in [0, 1], in the order of :data:`KINDS`; they sum to 1.
        distance: of the embedding, relative to its limit: above 1 the film is unlike those of the calibration.
    """

    kinds: dict[str, float]
    distance: float


@dataclass(frozen=True, eq=False)
class FilmCheck:
    """The small network with its limits, and the reference of the distance.

    Attributes:
        centre: (F,) mean of the features.
        scale: (F,) their standard deviation.
        hidden: (F, H) weights of the hidden layer.
        hidden_bias: (H,).
        output: (H, K) weights of the output layer.
        output_bias: (K,).
        refuse: (K,) probability from which a film of this kind is refused; above 1 where it never is.
        doubt: (1,) probability of being no good film from which it is doubtful.
        components: (D, P) whitened principal components of the embeddings of good films.
        mean: (D,) their mean.
        limit: (1,) the distance that one in a hundred good films exceeds.
        model_sha256: (1,) the network whose embedding is meant.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: NDArray[np.float32]
    refuse: NDArray[np.float32]
    doubt: NDArray[np.float32]
    components: NDArray[np.float32]
    mean: NDArray[np.float32]
    limit: NDArray[np.float32]
    model_sha256: NDArray[np.str_]

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            BundleError: if an array is missing, or they do not fit together.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as arrays:
                check = cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise BundleError(f"film_check.npz cannot be read ({error}); export the bundle again") from error
        shapes = {
            "scale": check.centre.shape,
            "hidden": (*check.centre.shape, *check.hidden_bias.shape),
            "output": (*check.hidden_bias.shape, len(KINDS)),
            "output_bias": (len(KINDS),),
            "refuse": (len(KINDS),),
            "doubt": (1,),
            "components": (*check.mean.shape, check.components.shape[-1]),
            "limit": (1,),
        }
        for name, shape in shapes.items():
            if getattr(check, name).shape != shape:
                found = getattr(check, name).shape
                raise BundleError(f"film_check.npz: {name} is {found}, expected {shape}; export the bundle again")
        return check

    def to_bytes(self) -> bytes:
        """The content of a film_check.npz, the same bytes for the same check."""
        stream = BytesIO()
        np.savez(stream, **{field.name: getattr(self, field.name) for field in fields(self)})
        return stream.getvalue()

    def require(self, *, model_sha256: str) -> None:
        """Fail unless the check was made for a network.

        Raises:
            BundleError: if it was made for another one.
        """
        made_for = str(self.model_sha256[0])
        if made_for != model_sha256:
            raise BundleError(f"film_check.npz was made for model {made_for[:12]}, this is {model_sha256[:12]}")

    def look(self, output: NetworkOutput) -> Suspicion:
        """What the network's answer about one film says of the film.

        Args:
            output: for one film (N = 1), with outlines.
        """
        features = film_features(output)[0]
        inner = np.maximum(((features - self.centre) / self.scale) @ self.hidden + self.hidden_bias, 0)
        logits = (inner @ self.output + self.output_bias).astype(np.float64)
        chances = np.exp(logits - logits.max())
        distance = np.linalg.norm((output.embedding[0] - self.mean) @ self.components) / self.limit[0]
        return Suspicion(dict(zip(KINDS, (chances / chances.sum()).tolist(), strict=True)), float(distance))

    def doubts(self, seen: Suspicion) -> tuple[Doubt, ...]:
        """Why the film's result is doubtful; empty for a good film.

        Raises:
            RefusedInputError: wrong_view, cropped, not_frontal_chest.
        """
        refused = [kind for kind, limit in zip(KINDS, self.refuse, strict=True) if seen.kinds[kind] >= limit]
        if refused:
            raise RefusedInputError(*_REFUSALS[max(refused, key=lambda kind: seen.kinds[kind])])
        found = []
        if 1 - seen.kinds[GOOD_FILM] >= self.doubt[0]:
            found.append(_DOUBTS[max(KINDS[1:], key=lambda kind: seen.kinds[kind])])
        if seen.distance > 1:
            found.append(Doubt.OUT_OF_DISTRIBUTION)
        return tuple(found)


def film_features(output: NetworkOutput) -> NDArray[np.float32]:
    """What the second look goes by.

    Args:
        output: for N films, with outlines.

    Returns:
        (N, D + 21) float32: the embedding; of right lung, left lung and heart the area, centre and extent as parts of
        the square and how sharp the outline is; how much the lungs and the heart overlap.
    """
    assert output.outlines is not None
    inside = 1 / (1 + np.exp(-np.clip(output.outlines, -30, 30)))
    side = inside.shape[-1]
    area = inside.mean(axis=(2, 3))
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    measures = [area, (inside * (1 - inside)).mean(axis=(2, 3)) / (area + 1e-3)]
    for axis in (2, 3):
        profile = inside.sum(axis=axis) / (inside.sum(axis=(2, 3))[..., None] + 1e-3)
        centre = (profile * places).sum(axis=-1)
        measures += [centre, np.sqrt((profile * (places - centre[..., None]) ** 2).sum(axis=-1))]
    pairs = [(inside[:, a] * inside[:, b]).mean(axis=(1, 2)) for a, b in ((0, 1), (0, 2), (1, 2))]
    return np.concatenate([output.embedding, *measures, np.stack(pairs, axis=1)], axis=1).astype(np.float32)
