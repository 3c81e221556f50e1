import base64
import io
import re
import tomllib

import numpy as np
import pytest
from PIL import Image

from app.rendering import Texts, tinted
from cxr.errors import ConfigError


def test_every_text_that_the_page_asks_for_is_there_and_no_other(repository_root):
    sources = [*(repository_root / "app").rglob("*.py"), *(repository_root / "app").rglob("*.j2")]
    text = "\n".join(file.read_text() for file in sources)
    known = set(Texts()._words)
    asked = set(re.findall(r"""\b(?:t|texts|_texts)\(["']([a-z_]+\.[a-z_]+)["'][,)]""", text))
    assert asked - known == set()
    # A key in quotes, or the beginning of one that is put together, as in "triage." ~ state.
    begun = tuple(re.findall(r"""["']([a-z_]+\.[a-z_]*)(?:["'] ~|\{)""", text))
    quoted = set(re.findall(r"""["']([a-z_]+\.[a-z_]+)["']""", text))
    assert {key for key in known - quoted if not key.startswith(begun)} == set()


def test_blanks_are_filled_and_unknown_languages_said():
    texts = Texts()
    assert texts("worklist.progress", done=3, all=7) == "Screening: 3 of 7"
    with pytest.raises(ConfigError, match="no texts in 'tlh'; there are en"):
        Texts("tlh")


def test_the_file_is_flat_toml(repository_root):
    tables = tomllib.loads((repository_root / "app" / "texts" / "en.toml").read_text())
    assert all(isinstance(text, str) and text for table in tables.values() for text in table.values())


def test_a_map_that_is_warm_everywhere_tints_a_small_part_and_a_flat_one_nothing():
    def tinted_share(grey):
        stream = io.BytesIO()
        Image.fromarray(grey.astype(np.uint8)).save(stream, format="PNG")
        layer = base64.b64decode(tinted(stream.getvalue(), "Effusion").partition(",")[2])
        with Image.open(io.BytesIO(layer)) as image:
            return (np.asarray(image)[..., 3] > 0).mean()

    warm = np.random.default_rng(0).uniform(150, 255, (64, 64))
    assert 0 < tinted_share(warm) <= 0.15
    assert tinted_share(np.full((64, 64), 200)) == 0
