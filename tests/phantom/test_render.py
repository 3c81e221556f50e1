"""Pixels and truth of single films."""

import numpy as np
import pytest

from cxr.phantom.disease import Lesion
from cxr.phantom.render import LESIONS, render
from cxr.phantom.thorax import build_thorax

FOCAL = {
    "Atelectasis": "lower",
    "Infiltration": "mid",
    "Mass": "upper",
    "Nodule": "mid",
    "Pneumonia": "lower",
    "Effusion": "lower",
    "Pneumothorax": "apical",
    "Consolidation": "lower",
    "Pleural_Thickening": "lower",
}
DIFFUSE = {"Edema": "perihilar", "Emphysema": "diffuse", "Fibrosis": "basal"}


def film(patient, visit, size=128):
    return render(patient, visit, size, np.random.default_rng(3))


@pytest.mark.parametrize("finding", [*FOCAL, *DIFFUSE, "Cardiomegaly"])
def test_finding_changes_more_of_the_film_the_more_severe_it_is(healthy_patient, visit_with, finding):
    zone, side = {**FOCAL, **DIFFUSE}.get(finding, ""), "right" if finding in FOCAL else ""
    side = "bilateral" if finding in DIFFUSE else side
    healthy = film(healthy_patient, visit_with()).pixels
    effects, areas = [], []
    for severity in (0.1, 0.5, 0.9):
        drawn = film(healthy_patient, visit_with(Lesion(finding, severity, side, zone, 5)))
        effects.append(float(np.abs(drawn.pixels - healthy).mean()))
        areas.append(int(drawn.masks[0].sum()))
    assert effects[0] > 0
    assert effects == sorted(effects)
    assert min(areas) > 0


@pytest.mark.parametrize("finding", FOCAL)
@pytest.mark.parametrize("side", ["left", "right"])
def test_mask_lies_on_the_named_side(healthy_patient, visit_with, finding, side):
    mask = film(healthy_patient, visit_with(Lesion(finding, 0.5, side, FOCAL[finding], 11))).masks[0]
    centre = np.nonzero(mask)[1].mean() / mask.shape[1]
    assert (centre > 0.5) == (side == "left"), "the patient's left is on the image's right"


@pytest.mark.parametrize("finding", ["Mass", "Nodule", "Pneumonia", "Infiltration", "Effusion"])
def test_opacity_brightens_and_pneumothorax_darkens_what_it_covers(healthy_patient, visit_with, finding):
    healthy = film(healthy_patient, visit_with()).pixels
    drawn = film(healthy_patient, visit_with(Lesion(finding, 0.8, "right", FOCAL[finding], 2)))
    assert (drawn.pixels - healthy)[drawn.masks[0]].mean() > 0.03
    drawn = film(healthy_patient, visit_with(Lesion("Pneumothorax", 0.4, "right", "apical", 2)))
    assert (drawn.pixels - healthy)[drawn.masks[0]].mean() < 0


def test_lesion_stays_where_it_was_at_another_size(healthy_patient, visit_with):
    visit = visit_with(Lesion("Mass", 0.5, "left", "upper", 4))
    small, large = (film(healthy_patient, visit, size).masks[0] for size in (96, 192))
    for axis in (0, 1):
        assert np.nonzero(small)[axis].mean() * 2 == pytest.approx(np.nonzero(large)[axis].mean(), abs=3)


def test_cardiomegaly_widens_the_heart_and_nothing_else_does(healthy_patient, visit_with):
    def ratio(*lesions):
        thorax = build_thorax(healthy_patient, visit_with(*lesions), np.random.default_rng(0))
        return np.ptp(thorax.heart[:, 0]) / thorax.width

    assert ratio() < 0.5
    widths = [ratio(Lesion("Cardiomegaly", severity, "", "", 0)) for severity in (0.05, 0.5, 0.95)]
    assert widths == sorted(widths)
    assert widths[0] > 0.53


def test_collapse_lifts_the_dome_and_tension_pushes_the_heart(healthy_patient, visit_with):
    def thorax(*lesions):
        return build_thorax(healthy_patient, visit_with(*lesions), np.random.default_rng(0))

    healthy = thorax()
    collapsed = thorax(Lesion("Atelectasis", 0.9, "right", "lower", 0))
    assert collapsed.dome("right")[:, 1].min() < healthy.dome("right")[:, 1].min() - 1.0
    assert collapsed.heart[:, 0].mean() < healthy.heart[:, 0].mean(), "towards the collapsed right lung"
    tension = thorax(Lesion("Pneumothorax", 0.95, "right", "apical", 0))
    assert tension.heart[:, 0].mean() > healthy.heart[:, 0].mean(), "away from the air"


def test_every_finding_of_the_courses_can_be_drawn():
    from cxr.phantom.disease import CONDITIONS

    assert {name for condition in CONDITIONS.values() for name in condition.findings} <= set(LESIONS)


def test_the_clavicles_reach_the_shoulders(healthy_patient, visit_with):
    from cxr.phantom.skeleton import _long_bones

    thorax = build_thorax(healthy_patient, visit_with(), np.random.default_rng(0))
    across = _long_bones(thorax, np.random.default_rng(0))[0].points[:, 0]
    assert min(across.max(), -across.min()) > thorax.width / 2


def test_an_endotracheal_tube_is_a_faint_wall_with_one_dense_stripe(healthy_patient, visit_with):
    from cxr.phantom.devices import build_devices
    from cxr.phantom.frame import Frame

    thorax, frame = build_thorax(healthy_patient, visit_with(), np.random.default_rng(0)), Frame(1024, 44.0)
    drawn = build_devices(frame, thorax, ("endotracheal tube",), np.random.default_rng(1))
    across = drawn[int((thorax.apex - 2 + 22) / frame.pixel_cm)]
    stripe = np.abs(np.arange(1024) - across.argmax()) * frame.pixel_cm < 0.15
    assert 0 < across[~stripe].max() < across.max() / 3


@pytest.mark.parametrize("view", ["PA", "AP"])
def test_devices_show(healthy_patient, visit_with, view):
    from cxr.phantom.devices import DRAWERS

    bare = film(healthy_patient, visit_with(view=view))
    for name in DRAWERS:
        fitted = film(healthy_patient, visit_with(view=view, devices=(name,)))
        assert np.abs(fitted.pixels - bare.pixels).max() > 0.05, name
