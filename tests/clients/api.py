"""Everything these scripts know about the product's API and the simulator's, in one place.

A path or a field that changes is changed here (and in its twin api.mjs) and nowhere else.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
PATIENCE_S = 20.0
POLL_S = 0.05


class Failed(Exception):
    """A check that did not hold; the text is for the person reading the log."""


def check(holds, text, detail=None):
    """Prints one line for a check that holds, raises `Failed` for one that does not."""
    if not holds:
        raise Failed(text if detail is None else f"{text}: {str(detail)[:2000]}")
    print(f"ok    {text}", flush=True)


def run_checks(main):
    """Runs a script's checks; the process ends with 1 and a readable line at the first that fails."""
    try:
        main()
    except Failed as failure:
        print(f"FAIL  {failure}", flush=True)
        sys.exit(1)
    print("done  every check held", flush=True)


def env(name):
    """A required setting from the environment."""
    value = os.environ.get(name)
    if not value:
        raise Failed(f"the environment variable {name} is not set; README.md beside this file lists them")
    return value


def new_run():
    """A token that makes the names of this run unlike those of every other run on the same server."""
    return uuid.uuid4().hex[:12]


def fixture(name, **values):
    """Reads a JSON fixture; `${key}` anywhere in it becomes the value given for key."""
    text = (FIXTURES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace("${" + key + "}", value)
    return json.loads(text)


def eventually(text, probe, patience_s=PATIENCE_S):
    """Polls until `probe` returns something true, and returns that; what it raised last is the reason of a failure.

    The server is another process, so there is nothing to await but its answers.
    """
    deadline = time.monotonic() + patience_s
    while True:
        reason = None
        try:
            value = probe()
            if value:
                return value
        except Failed as failure:
            reason = failure
        if time.monotonic() > deadline:
            raise Failed(f"{text}: not within {patience_s:g} s" + (f" ({reason})" if reason else ""))
        time.sleep(POLL_S)


def holds_for(seconds, text, probe):
    """Polls for `seconds` and fails at the first moment `probe` is not true; it returns (holds, detail)."""
    deadline = time.monotonic() + seconds
    while True:
        holds, detail = probe()
        if not holds:
            raise Failed(f"{text}: {str(detail)[:2000]}")
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_S)


def request(method, url, body=None, headers=None):
    """One HTTP request; returns (status, parsed JSON or text). An HTTP error status is an answer, not an exception."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode(errors="replace")
    except OSError as error:
        raise Failed(f"{method} {url}: no answer ({error})") from error
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


class Api:
    """The product's API under a secret key."""

    def __init__(self, url, secret_key):
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {secret_key}"}

    def call(self, method, path, body=None):
        """Any call; returns (status, body)."""
        return request(method, self.url + path, body, self.headers)

    def expect(self, status, method, path, body=None):
        """A call that must answer with `status`; returns its body."""
        found, answer = self.call(method, path, body)
        if found != status:
            raise Failed(f"{method} {path} answered {found}, expected {status}: {json.dumps(answer)[:2000]}")
        return answer

    def publish_segment(self, body):
        """Creates and publishes a segment; returns its id."""
        return self._create_and_publish("/v1/segments", body)

    def publish_journey(self, body):
        """Creates and publishes a journey; returns its id."""
        return self._create_and_publish("/v1/journeys", body)

    def _create_and_publish(self, path, body):
        made = self.expect(201, "POST", path, body)
        status, answer = self.call("POST", f"{path}/{made['id']}/publish")
        if status not in (200, 202):
            raise Failed(f"POST {path}/{made['id']}/publish answered {status}: {json.dumps(answer)[:2000]}")
        return made["id"]

    def journey_stats(self, journey):
        """Counts of one journey: entered, active, completed, nodes."""
        return self.expect(200, "GET", f"/v1/journeys/{journey}/stats")

    def find(self, kind, value):
        """The profile id behind an identifier, or None when nobody has it."""
        key = urllib.parse.quote(f"{kind}:{value}", safe="")
        status, answer = self.call("GET", f"/v1/profiles/lookup?key={key}")
        if status == 404:
            return None
        if status != 200:
            raise Failed(f"lookup of a {kind} answered {status}: {json.dumps(answer)[:2000]}")
        return answer["id"]

    def profile(self, profile_id):
        """One profile: id, traits, tags, segments, journeys, identifiers."""
        return self.expect(200, "GET", f"/v1/profiles/{profile_id}")

    def in_segment(self, profile_id, segment):
        """Whether the profile is a member of the segment now."""
        return segment in json.dumps(self.profile(profile_id)["segments"])

    def events(self, profile_id):
        """The events of the timeline, oldest first, all pages: [{type, name, message_id, at}].

        Asserts on the way that the pages come in one order of time and that none repeats.
        """
        rows, cursor = [], None
        while True:
            after = "" if cursor is None else "&cursor=" + urllib.parse.quote(cursor, safe="")
            page = self.expect(200, "GET", f"/v1/profiles/{profile_id}/timeline?limit=50{after}")
            rows += page["data"]
            if not page["has_more"]:
                break
            if page["next_cursor"] == cursor:
                raise Failed("timeline: has_more is true, but next_cursor does not move")
            cursor = page["next_cursor"]
        times = [row["occurred_at"] for row in rows]
        if times == sorted(times, reverse=True):
            rows.reverse()
        elif times != sorted(times):
            raise Failed(f"timeline: not in order of occurred_at: {times}")
        return [event(row) for row in rows if row["type"] == "event"]

    def dead_letters(self, text):
        """The dead letters that contain `text`, newest page only."""
        page = self.expect(200, "GET", "/v1/dead-letters?limit=200")
        return [row for row in page["data"] if text in json.dumps(row)]


def event(row):
    """One timeline row in the words of these scripts."""
    return {
        "type": row.get("event_type") or row.get("kind"),
        "name": row.get("name") or row.get("event"),
        "message_id": row.get("message_id"),
        "at": row["occurred_at"],
    }


def count(events, name):
    """How often an event of this name stands in a timeline."""
    return sum(one["name"] == name for one in events)


class Simulator:
    """The call log of the platform simulator."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def calls(self, text):
        """The calls that contain `text`, whatever became of them, in the order they came in."""
        status, answer = request("GET", self.url + "/_control/calls")
        if status != 200:
            raise Failed(f"the simulator's call log answered {status}")
        rows = answer if isinstance(answer, list) else answer["calls"]
        return [row for row in rows if text in json.dumps(row, ensure_ascii=False)]

    def taken(self, text):
        """Those of `calls` the platform accepted as a message, also if it then swallowed it as a repetition.

        A call refused for an expired token is not among them: the next one may well be the first message.
        """
        return [row for row in self.calls(text) if row["delivered"] or row.get("deduplicated")]

    def delivered(self, text):
        """Those of `calls` that reached a person."""
        return [row for row in self.calls(text) if row["delivered"]]
