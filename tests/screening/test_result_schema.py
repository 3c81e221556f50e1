import json
from importlib.resources import files

import pytest

from cxr.errors import CxrError, RefusalCode
from cxr.screening.result import (
    InputRefusal,
    ModelIdentity,
    ScreeningResult,
    parse_result_line,
    result_line,
    result_schema,
)

MODEL = ModelIdentity("tiny", "1", "0" * 64)


def refused(path="x.png"):
    return ScreeningResult(path, None, "refused", InputRefusal(RefusalCode.EMPTY_FILE, "empty"), (), None, None, MODEL)


def test_published_schema_is_the_code_s():
    published = json.loads(files("cxr.screening").joinpath("result.schema.json").read_text())
    assert published == result_schema(), "write it again: json.dumps(result_schema(), indent=2)"


def test_refused_result_round_trips():
    assert parse_result_line(result_line(refused())) == refused()


def test_halves_do_not_mix():
    with pytest.raises(ValueError, match="another status"):
        ScreeningResult("x", None, "refused", None, (), None, None, MODEL)
    with pytest.raises(ValueError, match="another status"):
        ScreeningResult("x", None, "screened", InputRefusal(RefusalCode.CORRUPT, "m"), (), None, None, MODEL)


@pytest.mark.parametrize("line", ["", "{}", '{"path": 1}', result_line(refused())[:-1] + ',"extra":1}'])
def test_other_lines_are_refused(line):
    with pytest.raises(CxrError, match="not a result line"):
        parse_result_line(line)
