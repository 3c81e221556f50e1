"""Every problem of a file is named with its place, and a value only where it may be shown."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from nlp_labeler.faults import faults


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sizes: list[int]


def error_of(content) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(content)
    return caught.value


def test_every_problem_has_its_place_and_value():
    text = faults(error_of({"sizes": [1, "two"], "sise": 3}))
    assert "sizes.1: Input should be a valid integer" in text
    assert "(found 'two')" in text
    assert "sise: Extra inputs are not permitted (found 3)" in text
    assert "\n" not in text


def test_values_can_be_left_out():
    assert "two" not in faults(error_of({"sizes": ["two"]}), values=False)


def test_what_is_missing_has_no_value():
    assert faults(error_of({})) == "sizes: Field required"


def test_a_file_of_another_kind_is_called_the_file():
    assert faults(error_of([])).startswith("the file: ")


def test_a_file_full_of_faults_stays_one_line():
    text = faults(error_of({"sizes": ["?"] * 40}))
    assert text.count("sizes.") == 5
    assert text.endswith("and 35 more")
