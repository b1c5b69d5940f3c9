"""Functions killed in mid-flight, again and again, while events come: nothing is lost, and nothing happens twice."""

import random
import threading
import time

from crowd import taken
from poison import visibility
from processes import of_stack
from stack_cloud import Failed, check, eventually

PEOPLE, ROUNDS = 12, 4
# Between two kills; a batch that died comes again after SOON_S instead of six minutes.
PAUSE_S, SOON_S = 0.4, 5
QUEUES = ("inbox", "pokes", "sends", "announcements")
# What a killed sender had begun is somebody else's after a minute, and found by the tick after that.
LEFT_S = 60 + 60 + 30


def define(bench):
    """A journey with a wait and a message."""
    bench.killed = bench.publish("entered_while_killed", {"pause": {"type": "wait", "duration": "PT3S", "next": "invite"}})


def killed_in_mid_flight(bench):
    """People enter a journey, wait and get a message, while whatever process works is killed."""
    stack, before, dice = bench.stack, bench.sent(), random.Random(7)
    for name in QUEUES:
        visibility(stack, name, SOON_S)
    over, kills = threading.Event(), {}

    def kill():
        while not over.wait(PAUSE_S):
            processes = of_stack(stack.name)
            if processes:
                one = dice.choice(processes)
                kills[one.role] = kills.get(one.role, 0) + one.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    users = [bench.user(f"killed-{n}") for n in range(PEOPLE)]
    refused = []
    try:
        for number in range(ROUNDS):
            for user in users:
                name = "entered_while_killed" if number == 1 else f"round-{number}"
                one = {"type": "track", "userId": user, "messageId": f"{user}-{number}", "event": name}
                if not taken(bench, [one]):
                    refused.append(one["messageId"])
        # The waits end, and the messages leave, with the killing still going on.
        begun = time.monotonic()
        eventually("the waits are over", lambda: time.monotonic() > begun + 5)
    finally:
        over.set()
        killer.join()
    check(not refused, f"{PEOPLE * ROUNDS} events were taken, whatever was killed", refused)
    check({"api", "inbox", "relay"} <= kills.keys(), f"processes were killed: {kills}")
    try:
        eventually("everybody got their message", lambda: bench.sent() >= before + PEOPLE, LEFT_S)
    except Failed as late:
        raise Failed(f"{late}; before there were {before}; {standing(bench)}") from late
    stack.until_applied()
    stats = bench.api.journey_stats(bench.killed)
    check((stats["entered"], stats["completed"], stats["active"]) == (PEOPLE, PEOPLE, 0), "each went through once", stats)
    check(bench.sent() == before + PEOPLE, f"{PEOPLE} messages left, none twice")
    wanted = sorted("entered_while_killed" if number == 1 else f"round-{number}" for number in range(ROUNDS))
    wrong = {}
    for user in users:
        names = eventually(f"the timeline of {user}", lambda user=user: whole(bench.events(user)), 60)
        if sorted(names) != wanted:
            wrong[user] = names
    check(not wrong, "every event stands once in its timeline", wrong)
    for name in QUEUES:
        visibility(stack, name, 360)


def standing(bench):
    """Where everything is, for whoever reads why it did not come."""
    sends = bench.api.expect(200, "GET", "/v1/sends/stats")["sends"]
    queues = {name: bench.stack.depth(name) for queue in QUEUES for name in (queue, f"{queue}-dead")}
    return f"sends {sends}; journey {bench.api.journey_stats(bench.killed)}; queues {queues}"


def whole(events):
    """Their names, once there are as many as were sent."""
    return [one["name"] for one in events] if len(events) >= ROUNDS else None
