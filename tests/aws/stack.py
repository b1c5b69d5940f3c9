#!/usr/bin/env python3
"""The deployed stack on an emulator, driven over HTTP by the Segment SDK; `cargo xtask test --only stack` runs it."""

import time

from stack_cloud import deploy, examine  # first: it finds the modules of the clients

import doubles
import killing
import providers
from alarms import alarms_look_at_something
from api import Api, check, count, eventually, new_run, run_checks
from crowd import merge_in_a_crowd
from doubles import every_kind
from first_deploy import cost_tags, first_deploy, second_environment
from killing import killed_in_mid_flight
from operator_cli import ops
from permissions import least_privilege
from poison import poisoned, redriven
from providers import reach_people, settings
from same_customers import same_customers
from segment.analytics.client import Client

# Customers whose turns pile up while the relay is stopped.
PILED = 12
# The schedule fires every minute; everything else is on its way at once.
SCHEDULED_S = 150
# What a journey waits for.
PAUSE_S = 3
# For so long a process may not know what was published elsewhere: BELIEVED in functions/lambda/src/product.rs.
BELIEVED_S = 10


class Bench:
    """The stack, its keys, and this run's names."""

    def __init__(self, stack, made):
        self.stack, self.run, self.write_key = stack, new_run(), made["write_key"]
        self.api = Api(stack.url, made["admin_key"])
        self.client = Client(made["write_key"], host=stack.url, sync_mode=True)
        self.published = time.monotonic()

    def user(self, name):
        """A user id of this run."""
        return f"aws-{self.run}-{name}"

    def publish(self, event, nodes):
        """A journey that begins with an event and ends with one message; its id."""
        journey = self.api.publish_journey(invitation(self.run, event, nodes))
        self.published = time.monotonic()
        return journey

    def until_known(self):
        """Waits until every process knows what was published, however many there are."""
        known = self.published + BELIEVED_S + 1
        eventually("what was published is known everywhere", lambda: time.monotonic() > known)

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


def timed(bench, event):
    """A journey with a wait, and the message after it."""
    return bench.publish(event, {"pause": {"type": "wait", "duration": f"PT{PAUSE_S}S", "next": "invite"}})


def by_poke(bench, journey, event):
    """A wait that ends by its delayed poke, without a tick: event -> inbox -> stream -> relay -> poke -> inbox, and then
    the message: stream -> relay -> send queue -> channel."""
    before, begun = bench.sent(), time.monotonic()
    bench.client.track(bench.user("poked"), event)
    eventually("the message leaves without a tick", lambda: bench.sent() == before + 1)
    check(time.monotonic() - begun >= PAUSE_S, "and not before the wait was over")
    stats = eventually("the journey is completed", lambda: over(bench.api.journey_stats(journey)))
    check((stats["entered"], stats["active"]) == (1, 0), "one customer entered, one message left, nobody waits", stats)


def by_index(bench, event):
    """A wait that ends by the due index alone: with the relay stopped nobody else pokes."""
    user = bench.user("indexed")
    bench.stack.relay(False)
    bench.client.track(user, event)
    profile_id = bench.profile_id(user)
    state = lambda: bench.api.profile(profile_id)  # noqa: E731
    eventually("the journey is entered", lambda: state()["journeys"])
    check(not state()["sends"], "nobody fires it by themselves")
    eventually("a tick pokes them", lambda: bench.stack.sweep()["poked"] >= 1)
    eventually("the wait is over, and the message intended", lambda: state()["sends"])
    before = bench.sent()
    bench.stack.relay(True)
    eventually("the message leaves when the relay goes on", lambda: bench.sent() == before + 1)


def over(stats):
    """The stats once somebody is through."""
    return stats if stats["completed"] else None


def relay_stopped(bench, journey):
    """What piles up while the relay is stopped is carried afterwards, and what is carried twice counts once."""
    before = bench.sent()
    bench.stack.relay(False)
    users = [bench.user(f"piled-{n}") for n in range(PILED)]
    for user in users:
        bench.client.identify(user, {"city": "Testville"})
        bench.client.track(user, "offer_opened")
    bench.stack.until_applied()
    check(bench.api.profile(bench.profile_id(users[-1]))["traits"] == {"city": "Testville"}, "customers need no relay")
    bench.stack.sweep()
    check(bench.sent() == before and not bench.events(users[0]), "with the relay stopped nothing leaves")
    bench.stack.relay(True)
    eventually("all of it is carried", lambda: bench.sent() == before + PILED, 60)
    check(bench.api.journey_stats(journey)["entered"] == PILED, f"{PILED} piled up, {PILED} were carried")
    return journey, users


def stream_lost(bench, journey, users):
    """Records that the stream has forgotten are found on the rows; when they come nevertheless, nothing counts twice."""
    before = bench.sent()
    late = bench.user("late")
    bench.stack.relay(False)
    bench.client.track(late, "offer_opened")
    bench.stack.until_applied()
    bench.stack.another_relay("LATEST")
    bench.client.track(users[0], "after_the_gap")
    eventually("the relay goes on behind the gap", lambda: ends_with(bench.events(users[0]), "after_the_gap"), 60)
    check(not bench.events(late), "what the stream has forgotten is carried by nobody")
    repaired = bench.stack.invoke("relay", {"do": "repair"})
    check(repaired["carried"] >= 1 and repaired["next"] is None, "the repair scan finds it", repaired)
    eventually("its message leaves", lambda: bench.sent() == before + 1)
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


def schedule(bench, journey, event, meanwhile):
    """Nobody invokes anything, and the poke is lost: the rule's own tick fires the timer. It comes within the minute."""
    before = bench.sent()
    bench.stack.source("PokesSourceId", False)
    bench.client.track(bench.user("scheduled"), event)
    eventually("the poke waits", lambda: bench.stack.depth("pokes")["visible"] >= 1)
    bench.stack.lose("pokes")
    bench.stack.source("PokesSourceId", True)
    begun = time.monotonic()
    bench.stack.schedule(True)
    meanwhile()
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


def definitions(bench):
    """Everything that is published, before anybody comes: other processes know it only after a while."""
    for define in (providers.define, doubles.define, killing.define):
        define(bench)
    offers = bench.publish("offer_opened", {})
    return timed(bench, "test_drive_booked"), timed(bench, "brochure_sent"), timed(bench, "service_due"), offers


def in_quiet(bench, poked, offers):
    """What is proven while the schedule stands still, because its tick would do it by itself."""
    bench.until_known()
    reach_people(bench)
    by_poke(bench, poked, "test_drive_booked")
    by_index(bench, "brochure_sent")
    stream_lost(bench, *relay_stopped(bench, offers))
    every_kind(bench)
    merge_in_a_crowd(bench)
    poisoned(bench)
    redriven(bench)
    killed_in_mid_flight(bench)
    same_customers(bench.stack)


def at_rest(bench):
    """What must be so after all of it."""
    check(not bench.api.dead_letters(bench.run), "nothing of this run is in the dead letters")
    empty = {name: bench.stack.depth(name) for name in bench.stack.dead_queues()}
    check(not any(any(depth.values()) for depth in empty.values()), "nor in a dead-letter queue", empty)
    ops("doctor", "--aws", "--stack", bench.stack.name)
    check(True, "roadbook-ops doctor: everything agrees with everything")


def main():
    examine()
    stack = deploy()
    stack.schedule(False)
    settings(stack)
    made = first_deploy(stack)
    cost_tags()
    bench = Bench(stack, made)
    poked, _, scheduled, offers = definitions(bench)
    first_customer(bench)
    doors(bench)
    in_quiet(bench, poked, offers)
    at_rest(bench)
    alarms_look_at_something(stack)
    least_privilege(stack)
    schedule(bench, scheduled, "service_due", lambda: second_environment(stack, made))


if __name__ == "__main__":
    run_checks(main)
