#!/usr/bin/env python3
"""kill -9 while a customer waits: after the restart the message still goes out, and goes out once.

    kill_during_wait.py --bin target/fast/roadbook --data /tmp/kill-test

Starts the host itself, on a folder that must not hold anything yet. SIMULATOR_URL names a running simulator, and
the environment tells the host where to send (README.md beside this file).
"""

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from segment.analytics.client import Client

from api import Api, Failed, Simulator, check, count, env, eventually, fixture, holds_for, new_run, run_checks
from host import Host

WAIT_S = 5
STAYS_ONE_S = 3.0


class Bench:
    """The host under test, the simulator, and this run's names."""

    def __init__(self, host):
        self.host = host
        self.api = Api(host.url, host.keys["admin_key"])
        self.simulator = Simulator(env("SIMULATOR_URL"))

    def client(self, lost, **settings):
        """An SDK client that writes what it gives up on into `lost`."""
        return Client(self.host.keys["write_key"], host=self.host.url, gzip=True, upload_interval=0.1,
                      on_error=lambda error, _: lost.append(error), **settings)

    def enter(self, run):
        """Publishes a journey of this run and lets one customer enter it; returns (journey, user, entered at)."""
        journey = self.api.publish_journey(fixture("journey.json", run=run, wait=f"PT{WAIT_S}S"))
        user, lost = f"kill-{run}", []
        client = self.client(lost)
        client.identify(user, {"seller": "test-seller"})
        entered = time.time()
        client.track(user, f"Test Drive Booked {run}", {"model": "T-1"})
        client.shutdown()
        check(not lost, "the SDK handed the entering event over", lost)
        eventually("the journey is entered", lambda: self.api.journey_stats(journey)["active"] == 1)
        return journey, user, entered

    def exactly_one(self, run, text):
        """Waits for the message, then watches that it stays the only call."""
        one = eventually(f"{text}: the message", lambda: self.simulator.delivered(run))[0]

        def still_one():
            calls = self.simulator.taken(run)
            return len(calls) == 1 and calls[0]["delivered"], calls

        holds_for(STAYS_ONE_S, f"{text}: exactly one call", still_one)
        check(True, f"{text}: exactly one call in the simulator's log, and still one {STAYS_ONE_S:g} s later")
        return one

    def finished(self, journey, user, run, text):
        """The customer is through, and the entering event still stands once in the timeline."""
        eventually(f"{text}: completed", lambda: self.api.journey_stats(journey)["completed"] == 1)
        stats = self.api.journey_stats(journey)
        check((stats["entered"], stats["active"]) == (1, 0), f"{text}: entered 1, active 0, completed 1", stats)
        events = self.api.events(self.api.find("userId", user))
        check(count(events, f"Test Drive Booked {run}") == 1, f"{text}: the event stands once in the timeline", events)


def back_before_due(bench):
    """Killed early in the wait and back at once: the message comes at its time, not earlier."""
    run, text = new_run(), "killed during the wait"
    journey, user, entered = bench.enter(run)
    bench.host.kill()
    check(not bench.simulator.calls(run), f"{text}: nothing was sent before the wait is over")
    bench.host.start()
    one = bench.exactly_one(run, text)
    waited = one["at_ms"] / 1000 - entered
    check(waited >= WAIT_S, f"{text}: the wait of {WAIT_S} s held over the restart, {waited:.1f} s", one)
    bench.finished(journey, user, run, text)


def back_after_due(bench):
    """Dead when the timer is due: the restarted host catches up. Meanwhile an SDK keeps trying, and loses nothing."""
    run, text = new_run(), "dead when the wait ends"
    journey, user, entered = bench.enter(run)
    bench.host.kill()
    lost, late = [], f"late-{run}"
    client = bench.client(lost, max_retries=30)
    client.track(late, f"During The Outage {run}")
    eventually("the wait is over", lambda: time.time() > entered + WAIT_S + 1, WAIT_S + 5)
    check(not bench.simulator.calls(run), f"{text}: a dead host sends nothing")
    bench.host.start()
    bench.exactly_one(run, text)
    bench.finished(journey, user, run, text)
    client.shutdown()
    check(not lost, "the SDK that met a dead host gave up on nothing", lost)
    profile = eventually("the late event has a profile", lambda: bench.api.find("userId", late))
    events = bench.api.events(profile)
    check(count(events, f"During The Outage {run}") == 1, "an event tracked during the outage counts once", events)


def killed_after_sending(bench):
    """Killed as soon as the message is out: whatever the host had not yet noted, the seller gets it once."""
    run, text = new_run(), "killed right after sending"
    journey, user, _ = bench.enter(run)
    eventually(f"{text}: the message", lambda: bench.simulator.delivered(run))
    bench.host.kill()
    bench.host.start()

    def one_delivered():
        calls = bench.simulator.calls(run)
        # A repeated call is allowed here, and only here, if the platform could tell that it was a repetition.
        return sum(call["delivered"] for call in calls) == 1, calls

    holds_for(STAYS_ONE_S, f"{text}: one message", one_delivered)
    calls = len(bench.simulator.calls(run))
    check(True, f"{text}: one message reached the seller, in {calls} call{'s' if calls > 1 else ''}")
    bench.finished(journey, user, run, text)


def main():
    parser = argparse.ArgumentParser(description="kill -9 during a wait.")
    parser.add_argument("--bin", required=True, help="the roadbook binary")
    parser.add_argument("--data", required=True, type=Path, help="a folder that is absent or empty")
    parser.add_argument("--config", help="settings of the host (default: roadbook.toml in its folder, which is empty here)")
    options = parser.parse_args()
    logging.getLogger("segment").setLevel(logging.CRITICAL)
    if options.data.exists() and os.listdir(options.data):
        raise Failed(f"{options.data} is not empty; the keys are printed only on the first start on an empty folder")
    host = Host(options.bin, options.data, options.config)
    host.start()
    try:
        bench = Bench(host)
        back_before_due(bench)
        back_after_due(bench)
        killed_after_sending(bench)
    finally:
        host.stop()
    check(host.process.returncode == 0, "SIGTERM drains, and the host ends with 0", host.process.returncode)


if __name__ == "__main__":
    sys.exit(run_checks(main))
