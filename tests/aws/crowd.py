"""A merge while many threads send events of both: every event stands once in the history of the one who stays."""

import random
import threading

from stack_cloud import check, eventually

from api import Failed, request  # noqa: E402  isort: skip

THREADS, BATCHES, EVENTS = 6, 4, 5
TRIES_MAX = 20


def merge_in_a_crowd(bench):
    """Two customers become one in the middle of it, and are asked about in the end."""
    users = [bench.user("crowd-a"), bench.user("crowd-b")]
    for user in users:
        bench.client.identify(user, {"city": "Testville"})
    customers = [bench.profile_id(user) for user in users]
    sent, lost, halfway = [], [], threading.Barrier(THREADS + 1)

    def crowd(n):
        dice = random.Random(n)
        for batch in range(BATCHES):
            if batch == BATCHES // 2:
                halfway.wait()
            events = [event(bench, dice.choice(users), f"{n}-{batch}-{place}") for place in range(EVENTS)]
            sent.extend(one["messageId"] for one in events)
            if not taken(bench, events):
                lost.append(n)

    threads = [threading.Thread(target=crowd, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    halfway.wait()
    merged = bench.api.expect(200, "POST", "/v1/identity/merge", {"customers": customers})
    for thread in threads:
        thread.join()
    check(not lost, f"{len(sent)} events of two customers were taken while they became one", lost)
    check(merged["id"] == min(customers), "the elder one stays", merged)
    bench.stack.until_applied()
    names = lambda: sorted(one["name"] for one in bench.events(users[1]) if one["name"].startswith("crowd-"))  # noqa: E731
    wanted = sorted(f"crowd-{one}" for one in sent)
    eventually("all of them are in the timeline", lambda: len(names()) >= len(wanted), 60)
    check(names() == wanted, "every one of them once")
    check(bench.profile_id(users[0]) == bench.profile_id(users[1]) == merged["id"], "both names lead to one customer")
    counted = bench.api.profile(merged["id"])["events"]
    check(counted == len(wanted) + 2, "and they were counted once", counted)


def event(bench, user, name):
    """One event, as an SDK would write it."""
    return {"type": "track", "userId": user, "messageId": name, "event": f"crowd-{name}"}


def taken(bench, events):
    """Sends a batch until it is taken as a whole: a batch that was refused in part is safe to repeat."""
    headers = {"Authorization": f"Bearer {bench.write_key}"}
    for _ in range(TRIES_MAX):
        try:
            status, _ = request("POST", f"{bench.stack.url}/v1/batch", {"batch": events}, headers)
        except Failed:
            continue
        if status == 200:
            return True
    return False
