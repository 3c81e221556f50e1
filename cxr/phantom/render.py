"""One examination, from the patient's body to pixels and truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.phantom.appearance import tone_correction
from cxr.phantom.course import Visit
from cxr.phantom.devices import build_devices
from cxr.phantom.disease import Lesion
from cxr.phantom.effect import Effect, Scene, no_effect
from cxr.phantom.film import Technique, collimate, draw_technique, expose, letter, process, to_grey
from cxr.phantom.frame import Floats, resize, smooth_noise
from cxr.phantom.opacities import (
    atelectasis,
    consolidation,
    edema,
    emphysema,
    fibrosis,
    granuloma,
    infiltration,
    mass,
    nodule,
    pneumonia,
)
from cxr.phantom.patient import Patient
from cxr.phantom.pleural import LUNG_DENSITY, effusion, pleural_thickening, pneumothorax
from cxr.phantom.skeleton import build_skeleton
from cxr.phantom.soft_tissue import build_soft_tissue, build_vessels
from cxr.phantom.thorax import build_frame, build_thorax

__all__ = ["Rendering", "render"]

SOFT_TISSUE = 0.19  # per cm, effective at chest kilovoltages behind filtration
TONE = 1.0  # share of the correction towards the fitted appearance
BONE = 0.42  # per cm of compact bone, beyond the tissue it replaces


@dataclass(frozen=True)
class Rendering:
    """A film and the truth about it.

    Attributes:
        pixels: (size, size) float32 in [0, 1], bone bright.
        masks: one (size, size) mask per lesion, in the order of the visit's lesions.
        pixel_cm: side of a pixel.
    """

    pixels: Floats
    masks: tuple[NDArray[np.bool_], ...]
    pixel_cm: float


def render(patient: Patient, visit: Visit, size: int, rng: np.random.Generator) -> Rendering:
    """Image one visit of a patient; ``rng`` is the visit's, the patient's own is in its anatomy seed."""

    def personal(stream: int) -> np.random.Generator:
        return np.random.default_rng([patient.anatomy_seed, stream])

    thorax = build_thorax(patient, visit, rng)
    frame = build_frame(thorax, size, rng)
    tissue = build_soft_tissue(frame, thorax, personal(0))
    scene = Scene(frame, thorax, tissue, build_vessels(frame, thorax, personal(2)))
    effects = [LESIONS[lesion.finding](scene, lesion) for lesion in visit.lesions]

    air = tissue.lung * (1.0 - LUNG_DENSITY)
    water = np.zeros_like(air)
    vessels = scene.vessel_map * np.clip(tissue.lung / 5.0, 0.0, 1.0) * 1.35
    for effect in effects:
        air = air * effect.air
        water = water + effect.water
        vessels = vessels * effect.vessels
    grain = (
        1.0
        + 0.012 * smooth_noise(rng, size, frame.field_cm / 0.45)
        + 0.02 * smooth_noise(rng, size, frame.field_cm / 2)
    )
    air = np.maximum(air * grain - water - vessels * 0.9, 0.0)
    bone = build_skeleton(frame, thorax, personal(1), patient.incidental)
    if "granuloma" in patient.incidental:
        bone = bone + granuloma(scene, personal(3))
    tissue_path = np.maximum(tissue.body - np.minimum(air + tissue.gas, 0.9 * tissue.body), 0.0)
    attenuation = SOFT_TISSUE * tissue_path + BONE * bone * (tissue.body > 1.0)
    attenuation += build_devices(frame, thorax, visit.devices, rng)
    technique = draw_technique(thorax.portable, rng)
    log_signal = expose(attenuation, technique, frame.pixel_cm, rng)
    level = process(log_signal, technique, tissue.body, scene.fields, frame.pixel_cm)
    healthy = _healthy_tone(scene, bone, technique)
    pixels = to_grey(level + tone_correction(healthy, frame, thorax, TONE, rng))
    pixels = letter(collimate(pixels, thorax.portable, rng), thorax.portable, rng)
    return Rendering(pixels, tuple(effect.mask for effect in effects), frame.pixel_cm)


def _healthy_tone(scene: Scene, bone: Floats, technique: Technique) -> Floats:
    """The film without lesions, devices and noise, on 64 pixels."""
    body, lung, gas, bones, fields = (
        resize(x, 64) for x in (scene.tissue.body, scene.tissue.lung, scene.tissue.gas, bone, scene.fields)
    )
    air = np.minimum(lung * (1.0 - LUNG_DENSITY) + gas, 0.9 * body)
    attenuation = SOFT_TISSUE * (body - air) + BONE * bones
    pixel_cm = scene.frame.field_cm / 64
    return to_grey(process(expose(attenuation, technique, pixel_cm, None), technique, body, fields, pixel_cm))


def _cardiomegaly(scene: Scene, _: Lesion) -> Effect:
    """The heart is already large in the outlines; only the mark is needed."""
    nothing = no_effect(scene.frame.size)
    return Effect(scene.tissue.heart > 0.5, nothing.air, nothing.water, nothing.vessels)


LESIONS: dict[str, Callable[[Scene, Lesion], Effect]] = {
    "Atelectasis": atelectasis,
    "Cardiomegaly": _cardiomegaly,
    "Effusion": effusion,
    "Infiltration": infiltration,
    "Mass": mass,
    "Nodule": nodule,
    "Pneumonia": pneumonia,
    "Pneumothorax": pneumothorax,
    "Consolidation": consolidation,
    "Edema": edema,
    "Emphysema": emphysema,
    "Fibrosis": fibrosis,
    "Pleural_Thickening": pleural_thickening,
}
