"""Who is asking: a signed-in user, or on loopback simply the browser. Everything else is turned away here.

One piece of middleware stands before every address of the page, Gradio's own included. It knows visitors by a
random cookie, closes the addresses that the page does not need, and tells the browser to fetch nothing from
anywhere else.
"""

import secrets
import time
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.rendering import Texts, render
from app.users import Users

__all__ = ["LOOPBACK", "SIGN_IN", "SIGN_OUT", "AuthMiddleware"]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
"""Hosts that only this machine can reach."""

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"

_COOKIE = "cxr_visitor"
_YEAR_SECONDS, _SHIFT_SECONDS = 365 * 24 * 3600, 12 * 3600
_MAX_FORM_BYTES = 4096
# Gradio's own upload, its file server and its pages for programmers: the page uses none of them.
_CLOSED = (
    "/gradio_api/upload",
    "/gradio_api/file",
    "/gradio_api/stream",
    "/gradio_api/deep_link",
    "/monitoring",
    "/docs",
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class AuthMiddleware:
    """ASGI middleware; puts the visitor into ``scope["state"]`` as ``owner`` and ``user``.

    Args:
        app: what it guards.
        texts: words of the sign-in page.
        users: who may sign in; ``None`` lets in whoever can reach this machine's loopback.
        hosts: values of the Host header that are answered, against pages elsewhere that point their own name
            at this address; ``None`` answers all, which signing in makes harmless.
    """

    def __init__(self, app: ASGIApp, *, texts: Texts, users: Users | None, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._texts = texts
        self._users = users
        self._hosts = hosts
        self._signed_in: dict[str, tuple[str, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        visitor = request.cookies.get(_COOKIE, "")
        fresh = not visitor.isalnum() or len(visitor) != 32
        if fresh:
            visitor = secrets.token_hex(16)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                if fresh and scope["path"] == "/":
                    headers.append((b"set-cookie", _cookie(visitor, _YEAR_SECONDS, request).encode()))
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        answer = await self._answer(request, visitor)
        if answer is not None:
            await answer(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    async def _answer(self, request: Request, visitor: str) -> Response | None:
        """What is answered here, or ``None`` for what goes on to the page."""
        path = request.url.path
        if self._hosts is not None and request.headers.get("host", "").rsplit(":", 1)[0] not in self._hosts:
            return PlainTextResponse("this address is not known here", 421)
        if path.startswith(_CLOSED):
            return PlainTextResponse("not found", 404)
        state = request.scope.setdefault("state", {})
        if self._users is None:
            state["owner"], state["user"] = f"visitor:{visitor}", ""
            return None
        if path == SIGN_IN:
            return await self._sign_in(request)
        if path == SIGN_OUT:
            self._signed_in.pop(visitor, None)
            return RedirectResponse(SIGN_IN, 303)
        user, since = self._signed_in.get(visitor, ("", 0.0))
        if not user or time.monotonic() - since > _SHIFT_SECONDS:
            self._signed_in.pop(visitor, None)
            return RedirectResponse(SIGN_IN, 303) if path == "/" else PlainTextResponse("sign in first", 401)
        state["owner"], state["user"] = f"user:{user}", user
        return None

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return HTMLResponse(render("sign_in.html.j2", self._texts, failed=False))
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                return PlainTextResponse("too large", 413)
        form = {key: values[0] for key, values in parse_qs(body.decode(errors="replace")).items()}
        name, password = form.get("name", ""), form.get("password", "")
        assert self._users is not None
        if not await run_in_threadpool(
            self._users.check, name, password, request.client.host if request.client else ""
        ):
            return HTMLResponse(render("sign_in.html.j2", self._texts, failed=True), 401)
        token = secrets.token_hex(16)  # a new one with every sign-in, so that none can be planted before
        now = time.monotonic()
        self._signed_in = {t: who for t, who in self._signed_in.items() if now - who[1] < _SHIFT_SECONDS}
        self._signed_in[token] = (name, now)
        return RedirectResponse("/", 303, headers={"set-cookie": _cookie(token, _SHIFT_SECONDS, request)})


def _cookie(value: str, seconds: int, request: Request) -> str:
    cookie: SimpleCookie = SimpleCookie()
    cookie[_COOKIE] = value
    for attribute, setting in (("path", "/"), ("httponly", True), ("samesite", "Strict"), ("max-age", str(seconds))):
        cookie[_COOKIE][attribute] = setting
    if request.url.scheme == "https":
        cookie[_COOKIE]["secure"] = True
    return cookie[_COOKIE].OutputString()
