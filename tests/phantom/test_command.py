"""The command line of the phantom."""

import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app, main


def test_command_writes_a_cohort_and_finishes_quietly_twice(tmp_path):
    arguments = ["phantom", "--patients", "1", "--size", "64", "--seed", "3", "--out", str(tmp_path / "c")]
    for _ in range(2):
        result = CliRunner().invoke(build_app(), [*arguments, "--workers", "1"])
        assert result.exit_code == 0, result.output
    assert (tmp_path / "c/reports.csv").is_file()
    assert (tmp_path / "c/truth/labels.csv").is_file()


def test_wrong_use_is_one_line_and_status_two(tmp_path, monkeypatch, capsys):
    arguments = ["cxr", "phantom", "--patients", "0", "--out", str(tmp_path / "c")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cxr: patients=0, size=256, seed=0")
