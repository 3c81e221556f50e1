import json
import stat

import pytest
from typer.testing import CliRunner

from app.users import Users, _command
from cxr.errors import ConfigError


@pytest.fixture
def users_file(tmp_path):
    path = tmp_path / "users.json"
    Users.add(path, "ann", "correct horse")
    return path


def test_only_the_right_password_of_a_known_name_is_taken(users_file):
    users = Users(users_file)
    assert users.check("ann", "correct horse")
    assert not users.check("ann", "correct horsE")
    assert not users.check("bob", "correct horse")
    assert not users.check("ann", "")


def test_passwords_are_hashed_and_the_file_is_private(users_file):
    Users.add(users_file, "bob", "correct horse")
    text = users_file.read_text()
    assert "correct" not in text
    hashes = {entry["scrypt"] for entry in json.loads(text)["users"].values()}
    assert len(hashes) == 2
    assert stat.S_IMODE(users_file.stat().st_mode) == 0o600


def test_five_wrong_passwords_make_even_the_right_one_wait(users_file):
    users = Users(users_file)
    for _ in range(5):
        users.check("ann", "guess")
    assert not users.check("ann", "correct horse")


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [("a b", "long enough it is", "may hold letters"), ("ann", "short", "at least 10"), ("", "x" * 20, "may hold")],
)
def test_names_and_passwords_that_are_not_allowed(tmp_path, name, password, message):
    with pytest.raises(ConfigError, match=message):
        Users.add(tmp_path / "u.json", name, password)


def test_a_file_that_cannot_be_trusted_is_said(tmp_path, users_file):
    with pytest.raises(ConfigError, match="no users file"):
        Users(tmp_path / "none.json")
    users_file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        Users(users_file)
    users_file.chmod(0o600)
    users_file.write_text('{"users": {}}')
    with pytest.raises(ConfigError, match="holds no user"):
        Users(users_file)
    users_file.write_text("[]")
    with pytest.raises(ConfigError, match="not a users file"):
        Users(users_file)


def test_the_command_asks_for_the_password_twice(tmp_path):
    path = tmp_path / "u.json"
    done = CliRunner().invoke(_command, ["add", "ann", "--file", str(path)], input="correct horse\ncorrect horse\n")
    assert done.exit_code == 0, done.output
    assert Users(path).check("ann", "correct horse")
    assert "correct horse" not in done.output
