"""The cost of waiting: what a file may say, and that its order costs least."""

from itertools import permutations

import pytest

from cxr.errors import ConfigError
from cxr.outputs.urgency import WaitingCosts, waiting_costs


def test_the_highest_cost_first_costs_least_of_all_orders():
    costs = WaitingCosts({"Pneumothorax": 20, "Mass": 1})
    patients = [{"Pneumothorax": p, "Mass": m} for p, m in ((0.01, 0.9), (0.3, 0.1), (0.06, 0.0), (0.0, 0.5))]

    def total(order):
        return sum(hour * costs.of(patient) for hour, patient in enumerate(order))

    ours = sorted(patients, key=lambda patient: -costs.of(patient))
    assert total(ours) == pytest.approx(min(total(order) for order in permutations(patients)))
    assert ours[0]["Pneumothorax"] == 0.3
    assert costs.of({"Edema": 0.9}) == 0  # no weight


def test_a_clinic_sets_its_own_weights(tmp_path, monkeypatch):
    assert waiting_costs().weights["Pneumothorax"] > waiting_costs().weights["Nodule"]
    own = tmp_path / "own.toml"
    own.write_text("[waiting_costs]\nNodule = 3\n")
    monkeypatch.setenv("CXR_URGENCY", str(own))
    waiting_costs.cache_clear()
    try:
        assert waiting_costs().weights == {"Nodule": 3}
    finally:
        waiting_costs.cache_clear()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold one table"),
        ("[waiting_costs]\n[other]\n", "must hold one table"),
        ("waiting_costs = 3", "must hold one table"),
        ("[waiting_costs]\nGout = 1", "unknown finding 'Gout'"),
        ("[waiting_costs]\nMass = -1", "weight of Mass is -1"),
        ("[waiting_costs]\nMass = nan", "weight of Mass is nan"),
        ("[waiting_costs]\nMass = true", "weight of Mass is True"),
        ('[waiting_costs]\nMass = "high"', "weight of Mass is 'high'"),
        ("[waiting_costs]\nMass = 0", "no finding has a weight above 0"),
        ("[waiting_costs", "cannot read waiting costs"),
    ],
)
def test_a_wrong_file_is_one_line(text, message, tmp_path):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        WaitingCosts.load(tmp_path / "x.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        WaitingCosts.load(tmp_path / "nowhere.toml")
