#!/usr/bin/env python3
"""The real PyPI `segment-analytics-python` against a running server; README.md says how to run it."""

import logging
import time
from datetime import datetime, timezone

from segment.analytics.client import Client

from api import Api, Simulator, check, count, env, eventually, fixture, holds_for, new_run, run_checks
from fault_proxy import FaultProxy

# The waits of fixtures/journey.json, and for how long a second message must stay away.
WAIT_MS = 2000
STAYS_ONE_S = 3.0


class Bench:
    """What every part of the script needs: the server, the simulator, the keys, this run's token."""

    def __init__(self):
        self.url = env("ROADBOOK_URL")
        self.write_key = env("ROADBOOK_WRITE_KEY")
        self.api = Api(self.url, env("ROADBOOK_SECRET_KEY"))
        self.simulator = Simulator(env("SIMULATOR_URL"))
        self.run = new_run()

    def client(self, host=None, **settings):
        """An SDK client; what it gives up on fails the script when it is shut down."""
        lost = []
        client = Client(self.write_key, host=host or self.url, on_error=lambda error, _: lost.append(error), **settings)
        client.lost = lost
        return client

    def user(self, name):
        """A user id of this run."""
        return f"py-{self.run}-{name}"

    def named(self, name):
        """An event name of this run."""
        return f"{name} {self.run}"

    def profile_id(self, kind, value):
        """Waits until somebody has the identifier."""
        return eventually(f"{kind} has a profile", lambda: self.api.find(kind, value))


def finish(client, text):
    """Flushes an asynchronous client and checks that it gave up on nothing."""
    client.shutdown()
    check(not client.lost, f"{text}: the SDK gave up on no batch", client.lost)


def every_call(bench):
    """identify, track, page, screen, group in sync mode: each is in the timeline once, in order."""
    client, user = bench.client(sync_mode=True), bench.user("sync")
    client.identify(user, {"city": "Testville", "budget": 250000, "newsletter": True})
    client.track(user, bench.named("Model Viewed"), {"model": "T-1", "price": 199900})
    client.page(user, "Models", "Overview", {"url": "https://example.test/models"})
    client.screen(user, "Garage", "My Car")
    client.group(user, f"dealer-{bench.run}", {"name": "Test Dealer"})
    client.track(user, bench.named("Brochure Requested"))
    profile_id = bench.profile_id("userId", user)
    traits = bench.api.profile(profile_id)["traits"]
    check(
        {name: traits.get(name) for name in ("city", "budget", "newsletter")}
        == {"city": "Testville", "budget": 250000, "newsletter": True},
        "identify: the traits are on the profile, with their types",
        traits,
    )
    events = eventually("six events in the timeline", lambda: at_least(bench.api.events(profile_id), 6))
    wanted = ["identify", bench.named("Model Viewed"), "page", "screen", "group", bench.named("Brochure Requested")]
    check([one["name"] for one in events] == wanted, "every call is in the timeline once, in the order they happened", events)


def at_least(rows, number):
    """The rows once there are enough of them."""
    return rows if len(rows) >= number else None


def one_customer(bench):
    """Asynchronous and gzipped: an anonymous visitor becomes a known customer, an alias joins two known ones."""
    client = bench.client(gzip=True, upload_interval=0.2)
    visitor, user, old = bench.user("visitor"), bench.user("known"), bench.user("old")
    client.track(anonymous_id=visitor, event=bench.named("Configurator Saved"))
    client.identify(user, {"plan": "test-drive"}, anonymous_id=visitor)
    client.track(user, bench.named("Quote Requested"))
    client.track(old, bench.named("Legacy Visit"))
    finish(client, "async and gzip")
    profile_id = bench.profile_id("userId", user)
    eventually("the visitor is the customer", lambda: bench.api.find("anonymousId", visitor) == profile_id)
    names = {one["name"] for one in bench.api.events(profile_id)}
    check(
        {bench.named("Configurator Saved"), bench.named("Quote Requested")} <= names,
        "identify: what the anonymous visitor did belongs to the known customer",
        names,
    )
    check(bench.profile_id("userId", old) != profile_id, "two known customers are two profiles before the alias")
    client = bench.client(gzip=True)
    client.alias(old, user)
    finish(client, "alias")
    merged = eventually("alias joins them", lambda: same(bench.api.find("userId", old), bench.api.find("userId", user)))
    names = [one["name"] for one in bench.api.events(merged)]
    check(
        all(names.count(bench.named(name)) == 1 for name in ("Configurator Saved", "Quote Requested", "Legacy Visit")),
        "alias: one profile with the history of both, each event once",
        names,
    )


def same(left, right):
    """The value both have, or None."""
    return left if left == right else None


def retries(bench):
    """Whatever the network does to the SDK, one event counts once; the segment asks for two."""
    segment = bench.api.publish_segment(fixture("segment_twice.json", run=bench.run))
    faults = {
        "503": [("status", 503, {}), ("status", 503, {})],
        "429": [("status", 429, {"Retry-After": "1"})],
        "cut": [("cut_after",)],
        "mixed": [("cut_after",), ("status", 503, {}), ("cut_after",)],
    }
    for name, plan in faults.items():
        user = bench.user(f"retry-{name}")
        with FaultProxy(bench.url, plan) as proxy:
            client = bench.client(host=proxy.url, gzip=name != "cut", upload_interval=0.2)
            client.track(user, bench.named("Price Viewed"), {"fault": name})
            finish(client, f"retry after {name}")
            ids = [attempt["message_ids"] for attempt in proxy.attempts]
        check(
            len(ids) == len(plan) + 1 and all(one == ids[0] for one in ids),
            f"retry after {name}: the SDK sent the same message {len(ids)} times",
            proxy.attempts,
        )
        check(
            all("upstream" not in attempt for attempt in proxy.attempts),
            f"retry after {name}: the server took every attempt that reached it",
            proxy.attempts,
        )
        profile_id = bench.profile_id("userId", user)
        events = eventually("the event is there", lambda: bench.api.events(profile_id))
        check(count(events, bench.named("Price Viewed")) == 1, f"retry after {name}: counted once", events)
        check(not bench.api.in_segment(profile_id, segment), f"retry after {name}: not counted as two by the segment")
    second_event(bench, segment)


def second_event(bench, segment):
    """An application that repeats a call with its own message id counts once; a new event makes two."""
    client, user = bench.client(sync_mode=True), bench.user("retry-cut")
    for _ in range(3):
        client.track(user, bench.named("Price Viewed"), message_id=f"own-{bench.run}")
    profile_id = bench.profile_id("userId", user)
    events = bench.api.events(profile_id)
    check(count(events, bench.named("Price Viewed")) == 2, "a message id sent three times counts once", events)
    eventually("the second event", lambda: bench.api.in_segment(profile_id, segment))
    check(True, "the second event makes the customer a member of the segment")


def reaction(bench):
    """One event enters the journey, waits, and becomes exactly one message to the seller."""
    segment = bench.api.publish_segment(fixture("segment_interested.json", run=bench.run))
    values = {"run": bench.run, "wait": "PT2S"}
    journey = bench.api.publish_journey(fixture("journey.json", **values))
    user, before_ms = bench.user("journey"), time.time() * 1000
    client = bench.client(gzip=True, upload_interval=0.1)
    client.identify(user, {"seller": "test-seller"})
    client.track(user, bench.named("Test Drive Booked"), {"model": "T-1"}, timestamp=datetime.now(tz=timezone.utc))
    finish(client, "journey")
    profile_id = bench.profile_id("userId", user)
    eventually("the segment reacts", lambda: bench.api.in_segment(profile_id, segment))
    check(True, "segment: the event made the customer a member")
    eventually("the journey is entered", lambda: bench.api.journey_stats(journey)["entered"] == 1)
    one = eventually("the message reaches the seller", lambda: bench.simulator.delivered(bench.run))[0]
    waited_ms = one["at_ms"] - before_ms
    check(waited_ms >= WAIT_MS, f"journey: the message came after its wait, {waited_ms:.0f} ms after the event", one)

    def still_one():
        calls = bench.simulator.taken(bench.run)
        return len(calls) == 1 and calls[0]["delivered"], calls

    holds_for(STAYS_ONE_S, "exactly one call for one event", still_one)
    check(True, f"journey: exactly one call in the simulator's log, and still one {STAYS_ONE_S:g} s later")
    stats = eventually("the journey is completed", lambda: completed(bench.api.journey_stats(journey)))
    check(stats["entered"] == 1 and stats["active"] == 0, "journey stats: entered 1, active 0, completed 1", stats)


def completed(stats):
    """The stats once somebody is through."""
    return stats if stats["completed"] == 1 else None


def main():
    # The SDK reports every spoiled attempt as an error of its own; the checks speak for themselves.
    logging.getLogger("segment").setLevel(logging.CRITICAL)
    bench = Bench()
    every_call(bench)
    one_customer(bench)
    retries(bench)
    reaction(bench)
    check(not bench.api.dead_letters(bench.run), "nothing of this run is in the dead letters")


if __name__ == "__main__":
    run_checks(main)
