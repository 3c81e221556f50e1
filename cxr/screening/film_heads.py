"""Small heads on what the finding network already knows: age, sex and view, who is who, and which films are alike.

Nothing here touches a finding. Age, sex and view are compared with the header: a strong contradiction asks whether this
is the right patient's film. A projection in which films of one patient lie together asks whether an earlier film is of
the same patient (within-class covariance normalisation and linear discriminants; Hatch 2006, "Within-class covariance
normalization"). A third one, in which films of the same findings lie together, finds similar cases.
"""

from dataclasses import dataclass, fields
from io import BytesIO
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cxr.errors import BundleError
from cxr.imaging.radiograph import RadiographMetadata
from cxr.reporting.patient import PatientEstimate, PatientQuestion
from cxr.screening.film_check import film_features
from cxr.screening.network import NetworkOutput

__all__ = ["FilmHeads", "HeadOutput", "head_features"]

_Floats = NDArray[np.float32]
_FILE = "film_heads.npz"


@dataclass(frozen=True, eq=False)
class HeadOutput:
    """What the heads say of one film.

    Attributes:
        patient: age, sex and view.
        identity: (P,) float32 of length 1; the cosine of two films says how alike their patients are.
        similarity: (S,) float32 of length 1; the cosine of two films says how alike their findings are.
    """

    patient: PatientEstimate
    identity: _Floats
    similarity: _Floats


@dataclass(frozen=True, eq=False)
class FilmHeads:
    """The heads with their limits.

    Attributes:
        centre: (F,) mean of the features.
        scale: (F,) their standard deviation.
        hidden: (F, H) weights of the hidden layer for age, sex and view.
        hidden_bias: (H,).
        output: (H, 3): age in years, log odds of a woman, log odds of AP.
        output_bias: (3,).
        limits: (4,) the error of age in years that one film in a hundred exceeds; the probability of the stated sex
            and of the stated view that one in a hundred falls under; the cosine that one in a hundred pairs of films
            of one patient falls under.
        identity: (F, P) projection.
        similarity: (F, S) projection.
        noise: (C,) difference of a finding's log odds that one in five pairs of films of one patient and view exceeds
            whose labels say the same.
        ratio_error: (1,) difference of the cardiothoracic ratio that one in twenty such pairs exceeds.
        model_sha256: (1,) the network whose answer is meant.
    """

    centre: _Floats
    scale: _Floats
    hidden: _Floats
    hidden_bias: _Floats
    output: _Floats
    output_bias: _Floats
    limits: _Floats
    identity: _Floats
    similarity: _Floats
    noise: _Floats
    ratio_error: _Floats
    model_sha256: NDArray[np.str_]

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            BundleError: if an array is missing, or they do not fit together.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as arrays:
                heads = cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise BundleError(f"{_FILE} cannot be read ({error}); export the bundle again") from error
        features = heads.centre.shape
        shapes = {
            "scale": features,
            "hidden": (*features, *heads.hidden_bias.shape),
            "output": (*heads.hidden_bias.shape, 3),
            "output_bias": (3,),
            "limits": (4,),
            "identity": (*features, heads.identity.shape[-1]),
            "similarity": (*features, heads.similarity.shape[-1]),
            "ratio_error": (1,),
            "model_sha256": (1,),
        }
        for name, shape in shapes.items():
            if getattr(heads, name).shape != shape:
                found = getattr(heads, name).shape
                raise BundleError(f"{_FILE}: {name} is {found}, expected {shape}; export the bundle again")
        return heads

    def to_bytes(self) -> bytes:
        """The content of a film_heads.npz, the same bytes for the same heads."""
        stream = BytesIO()
        np.savez(stream, **{field.name: getattr(self, field.name) for field in fields(self)})
        return stream.getvalue()

    def require(self, *, model_sha256: str, findings: int) -> None:
        """Fail unless the heads were made for a network.

        Args:
            model_sha256: of the network.
            findings: how many it tells apart.

        Raises:
            BundleError: if they were made for another one.
        """
        made_for = str(self.model_sha256[0])
        if made_for != model_sha256:
            raise BundleError(f"{_FILE} was made for model {made_for[:12]}, this is {model_sha256[:12]}")
        if self.noise.shape != (findings,):
            raise BundleError(f"{_FILE}: noise is {self.noise.shape}, expected ({findings},); export the bundle again")

    def look(self, output: NetworkOutput) -> HeadOutput:
        """What the network's answer about one film says of its patient.

        Args:
            output: for one film (N = 1), with outlines.
        """
        scaled = (head_features(output)[0] - self.centre) / self.scale
        age, female, ap = (np.maximum(scaled @ self.hidden + self.hidden_bias, 0) @ self.output) + self.output_bias
        estimate = PatientEstimate(
            age=round(float(np.clip(age, 0, 110)), 1), female=_probability(female), ap=_probability(ap)
        )
        return HeadOutput(estimate, _direction(scaled @ self.identity), _direction(scaled @ self.similarity))

    def questions(self, estimate: PatientEstimate, header: RadiographMetadata) -> tuple[PatientQuestion, ...]:
        """What the header states and the film strongly contradicts; what it does not state raises nothing."""
        age_error, sex, view, _ = self.limits.tolist()
        found = []
        stated = {"F": estimate.female, "M": 1 - estimate.female}.get(header.patient_sex or "")
        if stated is not None and stated < sex:
            found.append(PatientQuestion.SEX)
        if header.patient_age is not None and abs(header.patient_age - estimate.age) > age_error:
            found.append(PatientQuestion.AGE)
        stated = {"AP": estimate.ap, "PA": 1 - estimate.ap}.get(header.view_position or "")
        if stated is not None and stated < view:
            found.append(PatientQuestion.VIEW)
        return tuple(found)

    def same_patient(self, one: _Floats, other: _Floats) -> bool:
        """Whether two films may well be of one patient: false where only one such pair in a hundred is less alike."""
        return float(one @ other) >= float(self.limits[3])


def head_features(output: NetworkOutput) -> _Floats:
    """What the heads go by.

    Args:
        output: for N films, with outlines.

    Returns:
        (N, F) float32: :func:`~cxr.screening.film_check.film_features` and the logits.
    """
    return np.concatenate([film_features(output), output.logits], axis=1).astype(np.float32)


def _probability(logit: float) -> float:
    return round(float(1 / (1 + np.exp(-np.clip(logit, -30, 30)))), 4)


def _direction(vector: _Floats) -> _Floats:
    return (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
