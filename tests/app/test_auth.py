import pytest

testing = pytest.importorskip("starlette.testclient", reason="the triage page needs the 'app' extra")

from starlette.applications import Starlette  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402

from app.auth import AuthMiddleware  # noqa: E402
from app.rendering import Texts  # noqa: E402
from app.users import Users  # noqa: E402

LOOPBACK = frozenset({"127.0.0.1"})


def client(users=None, hosts=LOOPBACK, **options):
    async def who(request):
        return PlainTextResponse(f"{request.state.owner} {request.state.user}")

    inner = Starlette(routes=[Route("/{path:path}", who, methods=["GET", "POST"])])
    guarded = AuthMiddleware(inner, texts=Texts(), users=users, hosts=hosts)
    return testing.TestClient(guarded, base_url="http://127.0.0.1:7860", follow_redirects=False, **options)


@pytest.fixture
def users(tmp_path):
    Users.add(tmp_path / "u.json", "ann", "correct horse")
    return Users(tmp_path / "u.json")


def sign_in(visitor, password="correct horse"):
    return visitor.post("/sign-in", data={"name": "ann", "password": password})


def test_on_loopback_a_browser_keeps_its_own_worklist():
    one, two = client(), client()
    first = one.get("/")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert one.get("/x").text == first.text
    assert two.get("/").text != first.text


def test_the_browser_is_told_to_fetch_nothing_from_elsewhere():
    headers = client().get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/docs", "/monitoring/x"])
def test_addresses_that_the_page_does_not_need_are_closed(path):
    assert client().get(path).status_code == 404


def test_another_name_for_this_address_is_not_answered():
    assert client().get("/", headers={"host": "evil.example:7860"}).status_code == 421


def test_nobody_gets_in_without_signing_in(users):
    visitor = client(users, None)
    assert visitor.get("/").headers["location"] == "/sign-in"
    assert visitor.get("/config").status_code == 401
    assert visitor.post("/upload").status_code == 401
    assert sign_in(visitor, "wrong").status_code == 401
    assert visitor.get("/config").status_code == 401


def test_who_signs_in_is_known_by_name_until_signing_out(users):
    visitor = client(users, None)
    visitor.get("/")
    before = visitor.cookies.get("cxr_visitor")
    assert sign_in(visitor).headers["location"] == "/"
    assert visitor.cookies.get("cxr_visitor") != before
    assert visitor.get("/x").text == "user:ann ann"
    assert client(users, None).get("/config").status_code == 401
    visitor.get("/sign-out")
    assert visitor.get("/config").status_code == 401


def test_a_made_up_cookie_is_nobody(users):
    visitor = client(users, None, cookies={"cxr_visitor": "0" * 32})
    assert visitor.get("/config").status_code == 401


def test_the_sign_in_form_shows_text_as_text_and_takes_no_novel(users):
    visitor = client(users, None)
    assert "<script>" not in visitor.get("/sign-in").text
    assert visitor.post("/sign-in", content=b"x" * 5000).status_code == 413
