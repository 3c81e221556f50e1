"""A running page over the tiny bundle, and a browser to look at it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """``python -m app`` as a user starts it; can be stopped and started again on the same data."""

    def __init__(self, root, data, *options):
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._command = [sys.executable, "-m", "app", "--data", data, "--port", self.port, *options]
        self._root = root

    def start(self):
        self._process = subprocess.Popen(
            [str(part) for part in self._command], cwd=self._root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            self._process.communicate()
            raise

    def _wait(self):
        for _ in range(480):
            if self._process.poll() is not None:
                pytest.fail(f"the server ended with status {self._process.returncode}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            time.sleep(0.25)
        pytest.fail("the page did not come up")

    def stop(self):
        """End it, and give what it said."""
        self._process.terminate()
        said, _ = self._process.communicate(timeout=60)
        return said.decode()


@pytest.fixture(scope="session")
def server(tiny_bundle, tmp_path_factory, repository_root):
    pytest.importorskip("gradio", reason="the triage page needs the 'app' extra")
    running = Server(
        repository_root, tmp_path_factory.mktemp("page") / "data", "--bundle", tiny_bundle, "--max-upload", 8
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=BROWSER_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def screenshots(repository_root):
    """Where pictures of the page are kept as build output."""
    folder = Path(os.environ.get("CXR_SCREENSHOTS", repository_root / "build" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
