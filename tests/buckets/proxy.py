"""A proxy between a client and a bucket server that counts requests and does harm when told to."""

import http.client
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

_OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    nbytes: int
    key: str
    """Of the object that is asked for or written; the prefix where a folder is listed."""

    @property
    def is_put(self) -> bool:
        return self.method == "PUT" or (self.method == "POST" and "/upload/" in self.path)

    @property
    def kind(self) -> str:
        """HEAD, GET, PUT, LIST, DELETE, as a provider bills them."""
        if self.is_put:
            return "PUT"
        if self.method == "GET" and not self.key.startswith("="):
            return "GET"
        return {"GET": "LIST", "POST": "DELETE"}.get(self.method, self.method)


@dataclass
class Fault:
    """What happens to the requests that match, for so many times.

    Parameters
    ----------
    wanted : callable
    does : {"refuse", "cut", "cut_answer", "lose_answer", "wait"}
        ``cut`` sends half of the request to the server and closes both ends, ``cut_answer`` half of
        the answer to the client; ``lose_answer`` lets the server do the work and says nothing.
    times : int
    status, body
        Of a refusal.
    """

    wanted: Callable[[Request], bool]
    does: str
    times: int = 10**9
    status: int = 403
    body: bytes = b""
    done: int = 0


@dataclass
class Proxy:
    """Runs from `start` to `stop`; `url` is what clients are told."""

    upstream: tuple[str, int]
    keeps_preconditions: bool = False
    """Refuse a second upload with ``ifGenerationMatch=0``: GCS does, its emulator does not."""
    faults: list[Fault] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    gone: bool = False

    def start(self) -> "Proxy":
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.proxy = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def reset(self) -> None:
        self.faults, self.seen, self.gone = [], [], False

    def counts(self) -> Counter:
        return Counter(request.kind for request in self.seen)

    def fault_for(self, request: Request) -> Fault | None:
        with self.lock:
            self.seen.append(request)
            for fault in self.faults:
                if fault.done < fault.times and fault.wanted(request):
                    fault.done += 1
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients go away in the middle of things: that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_expect_100(self):
        if self.server.proxy.gone:
            self.close_connection = True
            return False
        return super().handle_expect_100()

    def _serve(self):
        proxy = self.server.proxy
        body = self._body()
        if proxy.gone:
            self.close_connection = True
            return
        request = request_of(self.command, self.path, body)
        fault = proxy.fault_for(request)
        if fault is not None and fault.does == "refuse":
            self._answer(fault.status, [("Content-Type", "application/xml")], fault.body)
        elif fault is not None and fault.does == "cut":
            self._send_half(proxy.upstream, body)
            self.close_connection = True
        elif proxy.keeps_preconditions and "ifGenerationMatch=0" in request.query:
            with proxy.lock:
                self._pass_on_if_new(proxy, request, body, fault)
        else:
            if fault is not None and fault.does == "wait":
                time.sleep(0.3)
            self._pass_on(proxy, body, fault)

    def __getattr__(self, name):
        if name.startswith("do_"):  # every method is served in the same way
            return self._serve
        raise AttributeError(name)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _pass_on_if_new(self, proxy, request, body, fault):
        bucket = request.path.split("/b/")[1].split("/")[0]
        there = http.client.HTTPConnection(*proxy.upstream, timeout=60)
        there.request("GET", f"/storage/v1/b/{bucket}/o/{quote(request.key, safe='')}")
        status = there.getresponse().status
        there.close()
        if status == 200:
            self._answer(412, [], b'{"error": {"code": 412, "message": "conditionNotMet"}}')
        else:
            self._pass_on(proxy, body, fault)

    def _pass_on(self, proxy, body, fault):
        there = http.client.HTTPConnection(*proxy.upstream, timeout=60)
        try:
            there.request(self.command, self.path, body=body or None, headers=self._headers(body))
            answer = there.getresponse()
            data = answer.read()
        finally:
            there.close()
        headers = [(name, value) for name, value in answer.getheaders()]
        if fault is not None and fault.does == "lose_answer":
            self.close_connection = True
            return
        half = fault is not None and fault.does == "cut_answer"
        self._answer(answer.status, headers, data, half=half)

    def _headers(self, body: bytes) -> dict[str, str]:
        kept = {n: v for n, v in self.headers.items() if n.lower() not in _OF_A_HOP}
        return {**kept, "Content-Length": str(len(body))}

    def _send_half(self, upstream, body):
        with socket.create_connection(upstream) as there:
            head = [f"{self.command} {self.path} HTTP/1.1"]
            head += [f"{name}: {value}" for name, value in self._headers(body).items()]
            there.sendall("\r\n".join([*head, "", ""]).encode() + body[: len(body) // 2])

    def _answer(self, status, headers, data, half=False):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_A_HOP and name.lower() != "content-length":
                self.send_header(name, value)
        length = next((v for n, v in headers if n.lower() == "content-length"), len(data))
        self.send_header("Content-Length", str(length if self.command == "HEAD" else len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if half else data)
        if half:
            self.wfile.flush()
            self.close_connection = True


def request_of(method: str, target: str, body: bytes) -> Request:
    """Say what a request of S3 or of GCS's JSON API is about."""
    split = urlsplit(target)
    query = parse_qs(split.query)
    if "/upload/" in split.path:
        named = re.search(rb'"name": "([^"]*)"', body[:2000])
        key = query.get("name", [named.group(1).decode() if named else ""])[0]
    elif re.search(r"/b/[^/]+(/o)?$", split.path) or re.fullmatch(r"/[^/]*/?", split.path):
        key = "=" + query.get("prefix", [""])[0]
    elif "/o/" in split.path:
        key = unquote(split.path.split("/o/", 1)[1])
    else:
        key = unquote(split.path).split("/", 2)[-1]
    return Request(method, split.path, split.query, len(body), key)
