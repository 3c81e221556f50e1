import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import app.users
from app.users import Users, _command
from cxr.errors import ConfigError

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def users_file(tmp_path):
    path = tmp_path / "users.json"
    Users.add(path, "ann", "correct horse")
    return path


def test_only_the_right_password_of_a_known_name_is_taken(users_file):
    users = Users(users_file)
    assert users.check("ann", "correct horse", HERE)
    assert not users.check("ann", "correct horsE", HERE)
    assert not users.check("bob", "correct horse", HERE)
    assert not users.check("ann", "", HERE)


def test_passwords_are_hashed_and_the_file_is_private(users_file):
    Users.add(users_file, "bob", "correct horse")
    text = users_file.read_text()
    assert "correct" not in text
    hashes = {entry["scrypt"] for entry in json.loads(text)["users"].values()}
    assert len(hashes) == 2
    assert stat.S_IMODE(users_file.stat().st_mode) == 0o600


@pytest.fixture
def clock(monkeypatch):
    """The time that pauses are measured by; move it forward."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr("app.users.time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def test_five_wrong_passwords_make_even_the_right_one_wait(users_file, clock):
    users = Users(users_file)
    for _ in range(5):
        assert not users.check("ann", "guess", HERE)
    assert users.check("ann", "correct horse", ELSEWHERE) is False
    clock.seconds += 30
    assert users.check("ann", "correct horse", HERE)
    assert [users.check("ann", "guess", HERE) for _ in range(4)] == [False] * 4
    assert users.check("ann", "correct horse", HERE)


def test_an_address_that_tries_many_names_waits_and_others_do_not(users_file, clock):
    users = Users(users_file)
    for number in range(20):
        users.check(f"name{number}", "guess", HERE)
    assert not users.check("ann", "correct horse", HERE)
    assert users.check("ann", "correct horse", ELSEWHERE)
    clock.seconds += 30
    assert users.check("ann", "correct horse", HERE)


def test_whoever_succeeds_does_not_use_up_the_attempts_of_the_address(users_file):
    users = Users(users_file)
    assert all(users.check("ann", "correct horse", HERE) for _ in range(25))


@pytest.mark.parametrize(("limit", "names"), [(5, ["ann"] * 40), (20, [f"name{n}" for n in range(40)])])
def test_guesses_at_the_same_time_get_no_further_than_one_after_another(users_file, monkeypatch, limit, names):
    """Forty threads at once: of one name five are looked at, of one address twenty, and none beyond."""
    users, looked_at, together = Users(users_file), [], threading.Barrier(40)
    hashed = app.users._hash

    def counted(password, salt):
        looked_at.append(password)
        return hashed(password, salt)

    monkeypatch.setattr("app.users._hash", counted)

    def guess(name):
        together.wait()
        return users.check(name, "guess", HERE)

    with ThreadPoolExecutor(40) as threads:
        assert not any(threads.map(guess, names))
    assert len(looked_at) == limit


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
    assert Users(path).check("ann", "correct horse", HERE)
    assert "correct horse" not in done.output
