"""The page as a visitor meets it: started as documented, opened in a browser where one is installed."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from cxr.outputs import screen_to_folder
from cxr.screening import Screener

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def page_url(tiny_bundle, tmp_path_factory, chest_pixels, repository_root):
    """Address of a running page over three screened cases and one refused one."""
    from PIL import Image

    pytest.importorskip("gradio", reason="the triage page needs the 'app' extra")
    folder = tmp_path_factory.mktemp("ward")
    Image.fromarray(chest_pixels(blob=(240, 200, 100, 80))).save(folder / "effusion.png")
    Image.fromarray(chest_pixels()).save(folder / "healthy.png")
    (folder / "broken.png").write_bytes(b"")
    out = tmp_path_factory.mktemp("app") / "out"
    screen_to_folder(Screener(tiny_bundle, threads=1), [folder], out, workers=1)
    port = free_port()
    command = [sys.executable, "-m", "app", "--folder", out, "--bundle", tiny_bundle, "--port", port]
    with subprocess.Popen([str(c) for c in command], cwd=repository_root, stdout=subprocess.DEVNULL) as server:
        try:
            yield wait_for(f"http://127.0.0.1:{port}/", server)
        finally:
            server.terminate()


def wait_for(url, server):
    for _ in range(240):
        if server.poll() is not None:
            pytest.fail(f"the server ended with status {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return url
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail("the page did not come up")


def test_page_answers_on_loopback(page_url):
    with urllib.request.urlopen(page_url + "config", timeout=10) as answer:
        config = answer.read().decode()
    assert "Worklist, most urgent first" in config
    assert "effusion.png" in config


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_a_visitor_picks_a_case_uploads_one_and_nothing_leaves_loopback(page_url, image_folder, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=BROWSER_OPTIONS)
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.set_default_timeout(60_000)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_url)
        cells = page.locator("#worklist [role=gridcell]:visible")
        cells.filter(has_text="healthy.png").first.click()
        page.get_by_text("This does not exclude disease").first.wait_for()
        cells.filter(has_text="effusion.png").first.click()
        page.get_by_text("pleural effusion on the left").first.wait_for()
        cells.filter(has_text="broken.png").first.click()
        page.get_by_text("Somebody must look at it").wait_for()
        page.locator("input[type=file]").first.set_input_files(str(image_folder / "large_heart.png"))
        cells.filter(has_text="large_heart.png").first.click()
        page.get_by_text("cardiomegaly (").first.wait_for()
        page.locator("img[src*='large_heart']").first.wait_for()
        page.screenshot(path=tmp_path / "page.png", full_page=True)
        browser.close()
    outside = [url for url in asked if not url.startswith((page_url, "data:", "blob:", "ws://127.0.0.1"))]
    assert outside == []
