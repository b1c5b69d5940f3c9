"""A message that nobody can read: others go on, it ends in the dead-letter queue, and an operator brings one back."""

import uuid

from operator_cli import ops
from stack_cloud import check, eventually

# A message that failed is received again after this; it would be six minutes.
SOON_S = 2


def visibility(stack, name, seconds):
    """For how long a message that was received is kept from others."""
    stack.sqs.set_queue_attributes(QueueUrl=stack.queue(name), Attributes={"VisibilityTimeout": str(seconds)})


def poisoned(bench):
    """Two poisonous messages, one of a group that a producer uses, and events of others behind them."""
    stack, queue = bench.stack, bench.stack.queue("inbox")
    user, other = bench.user("poisoned"), bench.user("not-poisoned")
    visibility(stack, "inbox", SOON_S)
    stack.listen("inbox", False)
    bench.client.track(user, "before_the_poison")
    message = received(stack, "inbox")
    group = message["Attributes"]["MessageGroupId"]
    # First the poison, then what it stands in the way of: the same group, so the one waits for the other.
    put(stack, queue, "neither JSON nor anything else", group)
    put(stack, queue, message["Body"], group)
    bench.client.track(other, "of_another_group")
    stack.listen("inbox", True)
    eventually("another group goes on", lambda: bench.api.find("userId", other))
    dead = eventually("the poison is in the dead-letter queue", lambda: stack.depth("inbox-dead")["visible"], 60)
    check(dead == 1, "the poison alone is given up", dead)
    eventually("what stood behind it goes on", lambda: bench.api.find("userId", user), 60)
    check([one["name"] for one in eventually("it is in the timeline", lambda: bench.events(user))] == ["before_the_poison"],
          "once, and nothing of its group was lost")
    return message["Body"], group


def redriven(bench, body, group):
    """The dead-letter queue holds the poison, an event that nobody knows yet, and one that was applied before: the command
    brings all back, each is what it was, and the poison is given up once more."""
    stack, user = bench.stack, bench.user("redriven")
    stack.listen("inbox", False)
    bench.client.track(user, "given_up")
    message = received(stack, "inbox")
    put(stack, stack.queue("inbox-dead"), message["Body"], message["Attributes"]["MessageGroupId"])
    put(stack, stack.queue("inbox-dead"), body, group)
    stack.listen("inbox", True)
    check(not bench.api.find("userId", user), "an event that was given up is known to nobody")
    told = ops("redrive", "--queue", "inbox", "--stack", stack.name)
    check("3 messages are in" in told, "roadbook-ops redrive --queue inbox", told)
    eventually("the event is applied", lambda: bench.api.find("userId", user))
    eventually("the poison is given up again", lambda: stack.depth("inbox-dead")["visible"] == 1, 60)
    check(len(bench.events(bench.user("poisoned"))) == 1, "what was applied before is not applied again")
    stack.lose("inbox-dead")
    visibility(stack, "inbox", 360)


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
