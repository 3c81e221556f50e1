"""Twenty visitors at once: nothing is mixed up, nothing is lost."""

import asyncio
import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from PIL import Image

httpx = pytest.importorskip("httpx", reason="the triage page needs the 'app' extra")
pytest.importorskip("faiss", reason="the triage page needs the 'app' extra")


from app.auth import LOOPBACK, AuthMiddleware  # noqa: E402
from app.operating_choice import OperatingChoice  # noqa: E402
from app.rendering import Texts  # noqa: E402
from app.service import TriageService  # noqa: E402
from app.ui import Page  # noqa: E402
from app.upload import upload_app  # noqa: E402

SESSIONS, IMAGES = 20, 3


@pytest.fixture
def service(tiny_bundle, tmp_path):
    opened = TriageService(tmp_path / "data", bundle=tiny_bundle)
    yield opened
    opened.close()


def test_a_case_that_is_not_there_opens_as_none(service):
    """Removed in another window, or another visitor's: the page stays blank, and goes on waiting for it."""
    request = SimpleNamespace(request=SimpleNamespace(scope={"state": {"owner": "a", "user": ""}}))
    page = Page(service, Texts())
    case_id, picture, panel, ready = page.select(request, SimpleNamespace(case="gone"), OperatingChoice())
    assert (case_id, picture, panel, ready) == ("gone", page.blank_viewer(), "", None)


def film(chest_pixels, session, number):
    """A chest that no other visitor has, the last one of each without an effusion; the file and whether it has one."""
    blob = (10 + 13 * session, 40 + 130 * number, 110, 110) if number < IMAGES - 1 else None
    stream = io.BytesIO()
    Image.fromarray(chest_pixels(blob=blob, seed=100 * session + number)).save(stream, format="PNG")
    return stream.getvalue(), blob is not None


async def visit(server, session, films):
    """One visitor's uploads, one after another; gives the owner under which they must be found."""
    cookie = f"{session:032x}"
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", cookies={"cxr_visitor": cookie}
    ) as visitor:
        for number, (content, _) in enumerate(films):
            answer = await visitor.post("/upload", content=content, headers={"X-File-Name": f"{number}.png"})
            assert answer.json() == {"cases": 1}
    return f"visitor:{cookie}"


def test_twenty_visitors_upload_at_once(service, chest_pixels):
    texts = Texts()
    server = AuthMiddleware(upload_app(service, texts, 2**23), texts=texts, users=None, hosts=LOOPBACK)
    films = [[film(chest_pixels, session, number) for number in range(IMAGES)] for session in range(SESSIONS)]

    async def everybody():
        return await asyncio.gather(*(visit(server, session, films[session]) for session in range(SESSIONS)))

    # In a thread of its own: where a browser test ran before in this process, its event loop still runs in this one.
    with ThreadPoolExecutor(1) as thread:
        owners = thread.submit(lambda: asyncio.run(everybody())).result()
    cases = service.worklist.cases
    deadline = time.monotonic() + 120
    while any(c.status in ("waiting", "screening") for owner in owners for c in cases.visible(owner)):
        assert time.monotonic() < deadline, "screening does not end"
        time.sleep(0.1)
    for owner, brought in zip(owners, films, strict=True):
        own = {case.name: case for case in cases.visible(owner)}
        assert sorted(own) == [f"{number}.png" for number in range(IMAGES)]
        for number, (content, has_effusion) in enumerate(brought):
            result = cases.result(owner, own[f"{number}.png"].id)
            assert result.sha256 == hashlib.sha256(content).hexdigest()
            assert {f.name for f in result.findings if f.positive} == ({"Effusion"} if has_effusion else set())
    assert service.worklist.verify_audit()[2] is None


def test_the_examples_are_added_once_and_belong_to_who_asked(service):
    assert service.receive_examples("visitor:a") == 10
    assert service.receive_examples("visitor:a") == 0
    assert service.receive_examples("visitor:b") == 10
    assert len(service.worklist.cases.visible("visitor:a")) == 10
