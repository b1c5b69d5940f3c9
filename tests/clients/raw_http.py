"""Raw requests for bad_input.py: exactly the bytes asked for, and what a problem document must look like."""

import base64
import http.client
import json
from urllib.parse import urlsplit

from api import Api, Failed, check, env, new_run

PROBLEM_KEYS = ("type", "title", "status", "detail", "code", "message")
JSON_TYPE = {"Content-Type": "application/json"}


class Bench:
    """The server under test and this run's names."""

    def __init__(self):
        self.url = urlsplit(env("ROADBOOK_URL"))
        self.write_key = env("ROADBOOK_WRITE_KEY")
        self.secret_key = env("ROADBOOK_SECRET_KEY")
        self.api = Api(env("ROADBOOK_URL"), self.secret_key)
        self.run = new_run()

    def user(self, name):
        """A user id of this run."""
        return f"bad-{self.run}-{name}"

    def track(self, name, **fields):
        """A correct track event; `fields` spoil or extend it."""
        return {"type": "track", "messageId": f"{self.run}-{name}", "userId": self.user(name),
                "event": f"Bad Input {self.run}", **fields}

    def post(self, path, body, key=None, headers=None):
        """Posts raw bytes with a write key; returns (status, headers, parsed body or text)."""
        basic = base64.b64encode(f"{self.write_key if key is None else key}:".encode()).decode()
        return self.send("POST", path, body, {"Authorization": f"Basic {basic}", **JSON_TYPE, **(headers or {})})

    def batch(self, *events, **more):
        """Posts a correct batch of these events and expects the answer clients rely on."""
        status, _, answer = self.post("/v1/batch", json.dumps({"batch": events, **more}).encode())
        check(status == 200 and answer == {"success": True}, f"a batch of {len(events)} is answered 200 success", answer)

    def send(self, method, path, body, headers):
        """One request over a connection of its own; the answer is read even if the server stops reading ours."""
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        try:
            connection.putrequest(method, path)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                connection.send(body)
            except OSError:
                pass  # A server may answer and close before it has read 5 MB; the answer is what counts.
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{method} {path} with {len(body)} bytes: no readable answer ({error!r})") from error
        finally:
            connection.close()
        try:
            return answer.status, answer.headers, json.loads(text)
        except ValueError:
            return answer.status, answer.headers, text.decode(errors="replace")


def problem(found, statuses, text, pointer=None, code=None):
    """Checks that an answer is a problem document with one of the statuses.

    With a `pointer` one of its errors must stand at that place or below it, with a `code` under that code.
    """
    status, headers, body = found
    if status not in statuses:
        raise Failed(f"{text}: answered {status}, expected {' or '.join(map(str, statuses))}: {str(body)[:1000]}")
    kind = (headers.get("Content-Type") or "").split(";")[0]
    if kind != "application/problem+json":
        raise Failed(f"{text}: content type {kind!r}, expected application/problem+json: {str(body)[:1000]}")
    missing = [key for key in PROBLEM_KEYS if key not in body]
    if missing:
        raise Failed(f"{text}: the problem lacks {missing}: {body}")
    if body["status"] != status:
        raise Failed(f"{text}: the body says {body['status']}, the status line {status}")
    empty = [key for key in ("code", "message", "detail", "title") if not str(body[key]).strip()]
    if empty:
        raise Failed(f"{text}: {empty} say nothing: {body}")
    place = "" if pointer is None else f" at {pointer}"
    if pointer is not None:
        errors = body.get("errors") or []
        if not any(points(error, pointer) and code in (None, error.get("code")) for error in errors):
            raise Failed(f"{text}: no error {code or ''}{place}: {body}")
    check(True, f"{text}: {status} {code or body['code']}{place}")


def points(error, pointer):
    """Whether an error stands at a place or below it."""
    found = str(error.get("pointer"))
    return found == pointer or found.startswith(pointer.rstrip("/") + "/")


def secret_call(bench, method, path, body=b"", key=None):
    """A call under the secret key, or under another key."""
    key = bench.secret_key if key is None else key
    return bench.send(method, path, body, {"Authorization": f"Bearer {key}", **JSON_TYPE})
