import json

import numpy as np
import pytest

faiss = pytest.importorskip("faiss", reason="similar cases need the 'app' extra")

from cxr.errors import ConfigError, DatasetError  # noqa: E402
from cxr.retrieval import Entry, ImageIndex, build_index, most_similar, read_labels  # noqa: E402
from cxr.retrieval.building import index_writer  # noqa: E402
from cxr.screening import Screener  # noqa: E402


def write(folder, embeddings, patients, model="m" * 64):
    with index_writer(folder, model) as writer:
        for number, (embedding, patient) in enumerate(zip(embeddings, patients, strict=True)):
            writer.add(embedding, Entry(f"{number}.png", patient, ("Mass",), "labels", b"jpeg"))
    return folder


@pytest.fixture
def embeddings():
    return np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)


def test_neighbours_are_those_of_the_cosine(tmp_path, embeddings):
    index = ImageIndex(write(tmp_path / "i", embeddings, [str(n) for n in range(300)]), "m" * 64)
    found = index.search(embeddings[7] * 3, 5, patient=None)
    expected = most_similar(embeddings[7], embeddings, 5)
    assert [n.entry.image for n in found] == [f"{row}.png" for row, _ in expected]
    assert [n.similarity for n in found] == pytest.approx([s for _, s in expected], abs=1e-5)
    assert found[0].similarity == pytest.approx(1)
    assert len(index) == 300


def test_the_patients_own_images_are_never_among_them(tmp_path, embeddings):
    patients = ["own" if n % 3 == 0 else str(n) for n in range(300)]
    index = ImageIndex(write(tmp_path / "i", embeddings, patients), "m" * 64)
    found = index.search(embeddings[0], 250, patient="own")
    assert len(found) == 200
    assert "own" not in {n.entry.patient for n in found}


def test_long_embeddings_are_projected_and_keep_their_neighbours(tmp_path):
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(10, 600)).astype(np.float32)
    embeddings = np.repeat(centres, 40, axis=0) + rng.normal(size=(400, 600)).astype(np.float32) * 0.3
    index = ImageIndex(write(tmp_path / "i", embeddings, [str(n) for n in range(400)]), "m" * 64)
    for query in range(0, 400, 37):
        found = index.search(embeddings[query], 6, patient=str(query))
        assert {int(n.entry.image[:-4]) // 40 for n in found} == {query // 40}


def test_an_altered_index_or_another_models_is_refused(tmp_path, embeddings):
    folder = write(tmp_path / "i", embeddings, [str(n) for n in range(300)])
    with pytest.raises(ConfigError, match="made with model mmm"):
        ImageIndex(folder, "n" * 64)
    with (folder / "vectors.faiss").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(ConfigError, match="was changed"):
        ImageIndex(folder, "m" * 64)
    with pytest.raises(ConfigError, match="no index"):
        ImageIndex(tmp_path, "m" * 64)


def test_an_index_replaces_an_index_and_nothing_else(tmp_path, embeddings):
    folder = write(tmp_path / "i", embeddings[:10], ["a"] * 10)
    write(folder, embeddings[:3], ["a"] * 3)
    assert len(ImageIndex(folder, "m" * 64)) == 3
    with pytest.raises(ConfigError, match="no image could be indexed"):
        write(folder, [], [])
    assert len(ImageIndex(folder, "m" * 64)) == 3
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="neither empty nor an index"):
        write(tmp_path / "thesis", embeddings, [str(n) for n in range(300)])


def test_images_are_indexed_with_the_models_findings_or_a_tables(tiny_bundle, image_folder, tmp_path):
    screener = Screener(tiny_bundle, threads=1)
    (image_folder / "broken.png").write_bytes(b"")
    summary = build_index(screener, [image_folder], tmp_path / "a", labels=None, workers=1)
    assert (summary.indexed, summary.refused) == (3, 1)
    examination = screener.examine("x", image_folder / "effusion.png")
    index = ImageIndex(tmp_path / "a", screener.identity.sha256)
    first = index.search(examination.artifacts.embedding, 1, patient=None)[0].entry
    assert (first.image, first.findings, first.source) == ("effusion.png", ("Effusion",), "model")
    table = tmp_path / "labels.csv"
    table.write_text("Image Index,Finding Labels,Patient ID\neffusion.png,Mass|Nodule,7\nhealthy.png,No Finding,8\n")
    build_index(screener, [image_folder], tmp_path / "b", labels=read_labels(table), workers=1)
    index = ImageIndex(tmp_path / "b", screener.identity.sha256)
    found = index.search(examination.artifacts.embedding, 9, patient=None)
    assert [(n.entry.patient, n.entry.findings) for n in found] == [("7", ("Mass", "Nodule")), ("8", ())]


def test_a_blank_label_is_no_label(tmp_path):
    (tmp_path / "labels.csv").write_text("Image Index,Finding Labels,Patient ID\na,,1\nb,No Finding,2\n")
    assert {image: row.findings for image, row in read_labels(tmp_path / "labels.csv").items()} == {"b": ()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Image Index,Patient ID\na,1\n", "no column 'Finding Labels'"),
        ("Image Index,Finding Labels,Patient ID\na,Gout,1\n", "Gout"),
        ("Image Index,Finding Labels,Patient ID\na,Mass,1\na,Mass,1\n", "more than once"),
    ],
)
def test_a_table_that_cannot_be_used_is_said(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_labels(tmp_path / "labels.csv")


def test_manifest_is_json(tmp_path, embeddings):
    folder = write(tmp_path / "i", embeddings, [str(n) for n in range(300)])
    assert json.loads((folder / "index.json").read_text())["dimension"] == 20
