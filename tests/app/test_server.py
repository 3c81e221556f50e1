"""The server as it is started: what it refuses, what it says, what it forgets."""

import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from app.users import Users


def ask(url, *, data=None, headers=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_name_with_folders_is_only_a_name(server):
    status, said = ask(server.url + "upload", data=b"no image", headers={"X-File-Name": "..%2F..%2Fx.dcm"})
    assert (status, said) == (200, '{"cases":1}')


def test_an_upload_without_a_name_is_refused(server):
    assert ask(server.url + "upload", data=b"x")[0] == 400


@pytest.mark.parametrize("declared", [2 * 2**30, None])
def test_a_file_that_is_too_large_is_refused_before_it_is_kept(server, declared):
    """Two gigabytes are refused by what they declare; who declares nothing is cut off at the limit."""
    head = "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nX-File-Name: big.dcm\r\n"
    head += f"Content-Length: {declared}\r\n\r\n" if declared else "Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(head.encode())
        if declared is None:
            chunk = b"%x\r\n" % 2**20 + b"\0" * 2**20 + b"\r\n"
            for _ in range(9):
                line.sendall(chunk)
        assert line.recv(64).startswith(b"HTTP/1.1 413")


def test_the_page_names_no_address_outside(server):
    _, page = ask(server.url)
    _, config = ask(server.url + "config")
    for text in (page, config):
        assert "googleapis" not in text
        assert "cdn." not in text
    assert '"analytics_enabled":false' in config.replace(" ", "")


def start(repository_root, data, *options):
    """Start the page with options that it must refuse; what it says."""
    command = [sys.executable, "-m", "app", "--data", data, *options]
    done = subprocess.run(
        [str(part) for part in command], cwd=repository_root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not data.exists()
    return done.stderr


def test_other_machines_need_users(repository_root, tmp_path):
    assert "--users FILE" in start(repository_root, tmp_path / "d", "--host", "0.0.0.0")


def test_other_machines_are_not_answered_without_encryption(repository_root, tmp_path):
    Users.add(tmp_path / "u.json", "ann", "correct horse")
    said = start(repository_root, tmp_path / "d", "--host", "0.0.0.0", "--users", tmp_path / "u.json")
    assert "--tls CERT KEY, or --behind-proxy" in said
