"""Two-sided certificates from the bundle to the line of results.jsonl, the report and the worklist."""

import csv
import json

import pytest

from cxr.errors import BundleError
from cxr.operating_points import OperatingPointSet
from cxr.outputs import read_results, screen_to_folder
from cxr.screening import Screener, result_line
from nlp_labeler import Labeler


@pytest.fixture
def screener(make_bundle):
    return Screener(make_bundle(two_sided=True), threads=1)


def decisions(result):
    return {(d.target, d.decision) for d in result.certified}


def test_a_film_without_findings_names_what_is_ruled_out_and_is_never_called_normal(screener, image_folder):
    result = screener.screen(image_folder / "healthy.png")
    assert decisions(result) == {("pleura", "below"), ("any of two", "below")}
    text = result.report.text
    assert "Ruled out: pleural effusion; at most 5% of patients with it are ruled out wrongly" in text
    assert "Ruled out: any of two (cardiomegaly or pleural effusion)" in text
    assert "Nothing else is ruled out." in text
    assert "normal" not in text.lower()
    assert result.triage == screener.bundle.operating_points.triage([f.probability for f in result.findings])


def test_a_finding_is_referred_by_name_and_not_ruled_out(screener, image_folder):
    result = screener.screen(image_folder / "effusion.png")
    assert decisions(result) == {("pleura", "refer"), ("any of two", "refer")}
    assert "Referred for pleural effusion; at most 5% of patients without it are referred" in result.report.text
    assert "Ruled out" not in result.report.text
    labels = Labeler.load(policy="openi", engine="surface").label(result.report.text).labels
    assert labels["Effusion"] == 1
    assert labels["Cardiomegaly"] != 1


def test_a_certified_referral_is_the_triage_where_the_rule_on_all_findings_decides_nothing(
    screener, image_folder, monkeypatch
):
    monkeypatch.setattr(OperatingPointSet, "triage", lambda *_: "read")
    referred, read = (screener.screen(image_folder / name) for name in ("effusion.png", "healthy.png"))
    assert (referred.triage, read.triage) == ("refer", "read")
    assert "certified neither for referral" not in referred.report.text


def test_predictive_values_are_rounded_down(screener, image_folder):
    result = screener.screen(image_folder / "healthy.png")
    for decision in result.certified:
        for prevalence, value in decision.predictive_values:
            assert f"at a prevalence of {100 * prevalence:g}%" in result.report.text
            assert 0 < value < 1
    assert "100.0%" not in result.report.text


def test_the_line_holds_the_decisions_and_reads_back(screener, image_folder, tmp_path):
    screen_to_folder(screener, [image_folder], tmp_path / "out", workers=1)
    results = {r.path.rpartition("/")[2]: r for r in read_results(tmp_path / "out" / "results.jsonl")}
    line = json.loads(result_line(results["healthy.png"]))
    assert {d["decision"] for d in line["certified"]} == {"below"}
    assert results["healthy.png"] == screener.screen(image_folder / "healthy.png")
    page = (tmp_path / "out" / "worklist.html").read_text()
    assert "Ruled out: pleural effusion (misses &lt;= 5%)" in page
    with (tmp_path / "out" / "results.csv").open(newline="") as stream:
        rows = {row["path"].rpartition("/")[2]: row for row in csv.DictReader(stream)}
    assert rows["healthy.png"]["ruled_out"].split() == ["Effusion", "Cardiomegaly"]
    assert (rows["healthy.png"]["referred_for"], rows["effusion.png"]["ruled_out"]) == ("", "")
    assert "Effusion" in rows["effusion.png"]["referred_for"].split()


def test_a_bundle_without_certificates_writes_the_line_as_before(tiny_bundle, image_folder):
    result = Screener(tiny_bundle, threads=1).screen(image_folder / "healthy.png")
    assert result.certified == ()
    assert "certified" not in json.loads(result_line(result))
    assert "Ruled out" not in result.report.text


def test_certificates_of_another_model_are_refused(make_bundle, tmp_path):
    from cxr.operating_points import TwoSidedCertificates
    from cxr.screening.manifest import BundleDescription, BundleManifest, seal_bundle

    folder = make_bundle(two_sided=True)
    file = folder / "two_sided.json"
    foreign = TwoSidedCertificates.load(file).model_copy(update={"model_sha256": "1" * 64})
    file.write_text(foreign.to_json())
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_text())
    fields = {name: getattr(manifest, name) for name in BundleDescription.model_fields}
    (folder / "bundle.json").unlink()
    seal_bundle(folder, BundleDescription(**fields))
    with pytest.raises(BundleError, match="two-sided certificates belong to model 1111"):
        Screener(folder)
