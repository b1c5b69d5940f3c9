"""A message that nobody can read: others go on, it ends in the dead-letter queue, and an operator brings the rest back."""

import uuid

from operator_cli import ops
from stack_cloud import check, eventually

# A message that failed is received again after this; it would be six minutes.
SOON_S = 2
POISON = "neither JSON nor anything else"


def visibility(stack, name, seconds):
    """For how long a message that was received is kept from others."""
    stack.sqs.set_queue_attributes(QueueUrl=stack.queue(name), Attributes={"VisibilityTimeout": str(seconds)})


def poisoned(bench):
    """Poison in the group of a producer, an event of that producer right behind it, and events of others."""
    stack, queue, user = bench.stack, bench.stack.queue("inbox"), bench.user("poisoned")
    visibility(stack, "inbox", SOON_S)
    stack.listen("inbox", False)
    bench.client.track(user, "behind_the_poison")
    message = received(stack, "inbox")
    for body in (POISON, message["Body"]):
        put(stack, queue, body, message["Attributes"]["MessageGroupId"])
    bench.client.track(bench.user("not-poisoned"), "of_another_group")
    stack.listen("inbox", True)
    eventually("another group goes on", lambda: bench.api.find("userId", bench.user("not-poisoned")))
    eventually("the poison is given up", lambda: stack.depth("inbox-dead")["visible"], 60)
    eventually("the inbox is empty", lambda: not any(stack.depth("inbox").values()), 60)
    # A group keeps its order, so what came in one batch with the poison, behind it, failed with it as often.
    went_along = bench.api.find("userId", user) is None
    dead = stack.depth("inbox-dead")["visible"]
    check(dead == 1 + went_along, "the poison is given up, of its own group no more than came with it, and nothing is lost", dead)


def redriven(bench):
    """An operator throws the poison away and brings the others back: what was behind it, and an event that nobody knows."""
    stack, user = bench.stack, bench.user("redriven")
    stack.listen("inbox", False)
    bench.client.track(user, "given_up")
    message = received(stack, "inbox")
    put(stack, stack.queue("inbox-dead"), message["Body"], message["Attributes"]["MessageGroupId"])
    stack.listen("inbox", True)
    check(not bench.api.find("userId", user), "an event that was given up is known to nobody")
    throw_away(stack, POISON)
    left = stack.depth("inbox-dead")["visible"]
    told = ops("redrive", "--queue", "inbox", "--stack", stack.name)
    check(f"{left} messages are in" in told, "roadbook-ops redrive --queue inbox", told)
    for who, name in ((user, "given_up"), (bench.user("poisoned"), "behind_the_poison")):
        names = eventually(f"{name} is in the timeline", lambda who=who: [one["name"] for one in bench.events(who)])
        check(names == [name], f"{name}: applied now, and once", names)
    check(not any(stack.depth("inbox-dead").values()), "and nothing is given up any more")
    visibility(stack, "inbox", 360)


def throw_away(stack, body):
    """Deletes what nobody will ever read, and hands the rest back."""
    queue, gone = stack.queue("inbox-dead"), False
    while not gone:
        for message in stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            receipt = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
            if message["Body"] == body:
                stack.sqs.delete_message(**receipt)
                gone = True
            else:
                stack.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)


def received(stack, name):
    """The one message of a queue, taken out of it."""
    queue = stack.queue(name)
    asked = {"QueueUrl": queue, "AttributeNames": ["MessageGroupId"], "WaitTimeSeconds": 1}
    message = eventually(f"a message of {name}", lambda: stack.sqs.receive_message(**asked).get("Messages"))[0]
    stack.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return message


def put(stack, queue, body, group):
    """Puts a message into a group, under a de-duplication id of its own."""
    stack.sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=str(uuid.uuid4()))
