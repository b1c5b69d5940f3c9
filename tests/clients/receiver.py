"""A server that webhook calls are made to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from api import eventually


class Receiver:
    """Somebody's server: remembers every call, and answers as it is told."""

    def __init__(self):
        self.calls, self.answers, self.lock = [], [], threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.lock:
                    receiver.calls.append((dict(self.headers.items()), body))
                    status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"

    def seen(self):
        """Every call so far: [(headers, body)]."""
        with self.lock:
            return list(self.calls)

    def wait(self, count):
        """At least so many calls."""
        return eventually(f"{count} calls", lambda: len(self.seen()) >= count and self.seen())
