"""Every message that a queue may bring twice, brought three times: nothing changes by it."""

import contextlib

from stack_cloud import check, eventually

from receiver import Receiver  # noqa: E402  isort: skip

COPIES = 3


@contextlib.contextmanager
def tripled(stack, name):
    """What comes into the queue meanwhile is received by nobody; then each message of it is there three times."""
    stack.listen(name, False)
    yield
    depth = lambda: sum(stack.depth(name).values())  # noqa: E731
    eventually(f"something waits in {name}", lambda: depth() > 0)
    queue, bodies = stack.queue(name), []
    asked = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "AttributeNames": ["MessageGroupId"], "WaitTimeSeconds": 1}
    while depth():
        for message in stack.sqs.receive_message(**asked).get("Messages", []):
            bodies.append((message["Body"], message.get("Attributes", {}).get("MessageGroupId")))
            stack.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    for place, (body, group) in enumerate(bodies * COPIES):
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"{name}-{place}-{body[-20:]}"[:128]} if group else {}
        stack.sqs.send_message(QueueUrl=queue, MessageBody=body, **clean(fifo))
    check(bodies, f"{len(bodies)} messages of {name}, put there {COPIES} times")
    stack.listen(name, True)
    eventually(f"{name} is empty", lambda: depth() == 0, 60)


def clean(fifo):
    """A de-duplication id may not hold everything that a body holds."""
    return {key: "".join(c if c.isalnum() or c in "-_." else "_" for c in value) for key, value in fifo.items()}


def define(bench):
    """A journey with a wait and a message, and an endpoint that is told of consents."""
    pause = {"pause": {"type": "wait", "duration": "PT3S", "next": "invite"}}
    bench.doubled = bench.publish("doubled", pause)
    bench.receiver = Receiver()
    types = ["cn.roadbook.consent.changed.v1"]
    made = bench.api.call("POST", "/v1/webhook-endpoints", {"url": bench.receiver.url, "types": types})
    check(made[0] == 201, "an endpoint is there", made[1])


def every_kind(bench):
    """Accepted events, pokes, hints of messages and of announcements. Batches of the stream: `stream_lost`."""
    stack, user, before = bench.stack, bench.user("doubled"), bench.sent()
    with tripled(stack, "pokes"):
        with tripled(stack, "inbox"):
            bench.client.identify(user, {"city": "Testville"})
            bench.client.track(user, "doubled")
        stack.listen("sends", False)
    with tripled(stack, "sends"):
        eventually("the message is intended", lambda: bench.api.profile(bench.profile_id(user))["sends"])
    with tripled(stack, "announcements"):
        word = {"purpose": "marketing", "verdict": "granted"}
        bench.api.expect(200, "POST", f"/v1/profiles/{bench.profile_id(user)}/consents", word)
    eventually("the message left", lambda: bench.sent() == before + 1)
    calls = bench.receiver.wait(1)
    stats = eventually("the journey is over", lambda: over(bench.api.journey_stats(bench.doubled)))
    check((stats["entered"], stats["completed"]) == (1, 1), "entered once, completed once", stats)
    names = [one["name"] for one in bench.events(user)]
    check(names == ["identify", "doubled"], "every event counts once", names)
    check(bench.sent() == before + 1, "one message left")
    check(len(bench.receiver.seen()) == len(calls) == 1, "the endpoint was told once", bench.receiver.seen())


def over(stats):
    """The stats once somebody is through."""
    return stats if stats["completed"] else None
