"""The same story on one machine and on the stack ends in the same customers."""

import copy
import os
import tempfile
from pathlib import Path

from stack_cloud import check, env, eventually  # first: it finds the modules of the next lines

from api import Failed  # noqa: E402  isort: skip
from canonical import canonical, difference  # noqa: E402
from host import Host  # noqa: E402
from scenario import World, play  # noqa: E402
from segment.analytics.client import Client  # noqa: E402

# What is still under way when the story is over has come by then.
SETTLED_S = 60


def on_one_machine(folder):
    """The story on `roadbook serve`, over an empty folder."""
    host = Host(env("ROADBOOK_BIN"), Path(folder) / "data")
    os.environ["ROADBOOK_RATE_LIMIT_PER_MINUTE"] = "0"
    host.start()
    try:
        played = play(World("one machine", host.url, host.keys))
        return played.story()
    finally:
        host.stop()


def same_customers(stack):
    """Plays the story on both, and compares."""
    with tempfile.TemporaryDirectory() as folder:
        expected = canonical(on_one_machine(folder))
    made = stack.invoke("admin", {"do": "create_tenant", "name": "Test Dealer Group"})
    played = play(World("the stack", stack.url, made, stack.sweep))
    compare(expected, played)


def compare(expected, played):
    """Holds as soon as both tell the same; what differs to the end is shown."""
    found = lambda: difference(expected, canonical(played.story()), ("one machine", played.name))  # noqa: E731
    try:
        eventually("both installations tell the same", lambda: not found(), SETTLED_S)
    except Failed:
        raise Failed(f"the installations differ:\n{found()}") from None
    other = copy.deepcopy(expected)
    other["customers"]["u-8"]["timeline"].pop()
    missed = difference(expected, other, ("one machine", "a copy that lacks a line"))
    check("customer u-8" in missed, "one line less in one timeline would have been seen")
    events = sum(one["profile"]["events"] for one in expected["customers"].values())
    check(events > 40,
          f"the same story on both: {len(expected['customers'])} customers, {events} events, equal to the last fact")
