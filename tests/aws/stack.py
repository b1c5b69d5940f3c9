#!/usr/bin/env python3
"""The deployed stack on an emulator, driven over HTTP by the Segment SDK; `cargo xtask test --only stack` runs it."""

import time

from stack_cloud import deploy, examine  # first: it finds the module of the next line

from api import Api, check, count, eventually, new_run, run_checks  # noqa: E402  isort: skip
from segment.analytics.client import Client

# Customers whose turns pile up while the relay is stopped.
PILED = 12
# The schedule fires every minute; a second tick sends what the first one set off, if the stream was slow.
SCHEDULED_S = 150


class Bench:
    """The stack, its keys, and this run's names."""

    def __init__(self, stack):
        self.stack, self.run = stack, new_run()
        made = stack.invoke("admin", {"do": "create_tenant", "name": "Test Dealer Group"})
        self.api = Api(stack.url, made["admin_key"])
        self.client = Client(made["write_key"], host=stack.url, sync_mode=True)

    def user(self, name):
        """A user id of this run."""
        return f"aws-{self.run}-{name}"

    def profile_id(self, user):
        """Waits until somebody has the identifier."""
        return eventually("the customer is found", lambda: self.api.find("userId", user))

    def events(self, user):
        """What the timeline holds: it is written by the relay, a moment after the answer."""
        return self.api.events(self.profile_id(user))

    def sent(self):
        """Messages that left, over all journeys: an exact counter."""
        counts = self.api.expect(200, "GET", "/v1/sends/stats")["sends"]
        return counts.get("sent", 0)


def invitation(run, event, nodes):
    """A journey that begins with an event and ends with one message."""
    start = next(iter(nodes), "invite")
    return {
        "name": f"{event} {run}",
        "definition": {
            "entry": {"event": event},
            "reentry": "once",
            "start": start,
            "nodes": {
                **nodes,
                "invite": {
                    "type": "send",
                    "channel": "recording",
                    "purpose": "service",
                    "content": {"text": "Come for a drive."},
                    "next": "over",
                },
                "over": {"type": "exit"},
            },
        },
    }


def first_customer(bench):
    """identify and track by an SDK nobody here wrote; then the same message three times."""
    user = bench.user("first")
    bench.client.identify(user, {"city": "Testville", "budget": 250000})
    bench.client.track(user, "model_viewed", {"series": "R1"})
    profile_id = bench.profile_id(user)
    traits = bench.api.profile(profile_id)["traits"]
    check((traits.get("city"), traits.get("budget")) == ("Testville", 250000), "the profile has its traits", traits)
    for _ in range(3):
        bench.client.track(user, "brochure_requested", message_id=f"own-{bench.run}")
    bench.client.track(user, "page_left")
    events = eventually("four events in the timeline", lambda: ends_with(bench.events(user), "page_left"))
    check([one["name"] for one in events[1:]] == ["model_viewed", "brochure_requested", "page_left"],
          "the timeline has every event once, the one sent three times too", events)


def ends_with(events, name):
    """The events once the last of them is there."""
    return events if events and events[-1]["name"] == name else None


def timed_journey(bench, event, name):
    """Publishes a journey with a wait, and lets a customer enter it."""
    nodes = {"pause": {"type": "wait", "duration": "PT2S", "next": "invite"}}
    journey = bench.api.publish_journey(invitation(bench.run, event, nodes))
    # Another process may not know the journey yet: see BELIEVED in functions/lambda/src/product.rs.
    bench.client.track(bench.user(name), event)
    eventually("the journey is entered", lambda: bench.api.journey_stats(journey)["entered"] == 1)
    return journey


def reaction(bench):
    """A wait that ends, and the message after it: event -> stream -> relay -> sweep -> channel."""
    before = bench.sent()
    journey = timed_journey(bench, "test_drive_booked", "reaction")
    check(bench.sent() == before, "nothing leaves before the wait is over")
    eventually("the message leaves", lambda: bench.stack.sweep() and bench.sent() == before + 1)
    stats = eventually("the journey is completed", lambda: over(bench.api.journey_stats(journey)))
    check((stats["entered"], stats["active"]) == (1, 0), "one customer entered, one message left, nobody waits", stats)


def over(stats):
    """The stats once somebody is through."""
    return stats if stats["completed"] else None


def relay_stopped(bench):
    """What piles up while the relay is stopped is carried afterwards, and what is carried twice counts once."""
    journey = bench.api.publish_journey(invitation(bench.run, "offer_opened", {}))
    before = bench.sent()
    bench.stack.relay(False)
    users = [bench.user(f"piled-{n}") for n in range(PILED)]
    for user in users:
        bench.client.identify(user, {"city": "Testville"})
        bench.client.track(user, "offer_opened")
    check(bench.api.profile(bench.profile_id(users[-1]))["traits"] == {"city": "Testville"}, "answers need no relay")
    bench.stack.sweep()
    check(bench.sent() == before and not bench.events(users[0]), "with the relay stopped nothing leaves")
    bench.stack.relay(True)
    eventually("all of it is carried", lambda: bench.stack.sweep() and bench.sent() == before + PILED, 60)
    check(bench.api.journey_stats(journey)["entered"] == PILED, f"{PILED} piled up, {PILED} were carried")
    return journey, users


def stream_lost(bench, journey, users):
    """Records that the stream has forgotten are found on the rows; when they come nevertheless, nothing counts twice."""
    before = bench.sent()
    late = bench.user("late")
    bench.stack.relay(False)
    bench.client.track(late, "offer_opened")
    bench.stack.another_relay("LATEST")
    bench.client.track(users[0], "after_the_gap")
    eventually("the relay goes on behind the gap", lambda: ends_with(bench.events(users[0]), "after_the_gap"), 60)
    check(not bench.events(late), "what the stream has forgotten is carried by nobody")
    repaired = bench.stack.invoke("relay", {"do": "repair"})
    check(repaired["carried"] >= 1 and repaired["next"] is None, "the repair scan finds it", repaired)
    eventually("its message leaves", lambda: bench.stack.sweep() and bench.sent() == before + 1)
    again = bench.stack.invoke("relay", {"do": "repair"})
    check(again["carried"] <= 2, "and then finds only what is under way", again)

    bench.stack.another_relay("TRIM_HORIZON")
    # The stream has one shard here: when the newest turn has come by, everything before it has.
    bench.client.track(users[0], "after_all")
    eventually("the second pass has come to the end", lambda: ends_with(bench.events(users[0]), "after_all"), 60)
    bench.stack.sweep()
    stats = bench.api.journey_stats(journey)
    check((bench.sent(), stats["entered"]) == (before + 1, PILED + 1), "carried a second time, counted once", stats)
    twice = {user: bench.events(user) for user in [*users, late] if count(bench.events(user), "offer_opened") != 1}
    check(not twice, "every event is in its timeline once", twice)


def schedule(bench):
    """Nobody invokes anything: the rule's own tick fires the timer and sends."""
    before = bench.sent()
    journey = timed_journey(bench, "service_due", "scheduled")
    begun = time.monotonic()
    eventually("the schedule sends it", lambda: bench.sent() == before + 1, SCHEDULED_S)
    stats = eventually("the journey is completed", lambda: over(bench.api.journey_stats(journey)))
    check(stats["entered"] == 1, f"the rule's own tick sent it, after {time.monotonic() - begun:.0f} s")


def doors(bench):
    """What does not come by the SDK."""
    status, answer = bench.api.call("GET", "/v1/nothing")
    check((status, answer["code"]) == (404, "unknown_path"), "errors are problem documents here too", answer)
    status, answer = Api(bench.stack.url, "rb_sk_wrong").call("GET", "/v1/segments")
    check(status == 401, "a wrong key opens nothing", answer)
    bad = {"name": "x", "condition": {"event": "a", "count": {"op": "atleast", "value": 1}}}
    status, answer = bench.api.call("POST", "/v1/segments", bad)
    places = [place["pointer"] for place in answer.get("errors", [])]
    check(status in (400, 422) and "/condition/count/op" in places, "a bad definition is told where", answer)


def main():
    examine()
    bench = Bench(deploy())
    first_customer(bench)
    doors(bench)
    reaction(bench)
    stream_lost(bench, *relay_stopped(bench))
    schedule(bench)
    check(not bench.api.dead_letters(bench.run), "nothing of this run is in the dead letters")


if __name__ == "__main__":
    run_checks(main)
