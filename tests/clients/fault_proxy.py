"""A small HTTP proxy that spoils the first answers, so that an SDK's own retry code has to run.

The faults are taken in order, one per POST:
    ("status", 503, {})                    answered here, the server never sees the request
    ("status", 429, {"Retry-After": "1"})  the same, with headers
    ("cut_after",)                         forwarded and applied, but the connection dies before the answer:
                                           the SDK must send the same message ids again
When the list is empty every request is forwarded untouched.
"""

import gzip
import http.client
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# What belongs to one connection and must not be copied to the other one.
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class FaultProxy:
    """Serves on a free local port while used as a context manager."""

    def __init__(self, target, faults):
        self.target = urlsplit(target)
        self.faults = list(faults)
        self.attempts = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                proxy.answer(self)

            def log_message(self, *_):
                """Silence: the attempts are kept, not printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler):
        """Takes one request: spoils it when a fault is left, else forwards it."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            fault = self.faults.pop(0) if self.faults else ("pass",)
            self.attempts.append({"fault": fault[0], "message_ids": message_ids(handler.headers, body)})
        if fault[0] == "status":
            reply(handler, fault[1], fault[2], b'{"code":"overloaded","message":"spoiled on purpose"}')
            return
        status, headers, answer = self.forward(handler, body)
        if fault[0] == "cut_after":
            if status != 200:
                self.attempts[-1]["upstream"] = status
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        reply(handler, status, headers, answer)

    def forward(self, handler, body):
        """Sends the request on, byte for byte."""
        connection = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=30)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_HEADERS}
        try:
            connection.request("POST", self.target.path.rstrip("/") + handler.path, body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_HEADERS}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def reply(handler, status, headers, body):
    """Writes one answer to the SDK."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def message_ids(headers, body):
    """The message ids of a batch, to see that a retry repeats them."""
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return sorted(event["messageId"] for event in json.loads(body)["batch"])
