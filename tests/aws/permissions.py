"""Every role may do what its function does, and nothing that it does not.

The emulator refuses what a policy does not allow, so a right that is missing breaks the other checks. Here stands the
reverse: what the policies allow was done while the stack was driven, by that function, on that table or queue.
"""

import json

import boto3
from processes import of_stack
from stack_cloud import STACK, check, statements_of

# What AWS does in the name of a role and no function does itself: logs, traces, and reading what triggers it.
BY_AWS = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
          "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
          "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
# What AWS does in the name of the relay when it gives a batch up.
GIVEN_UP = {("relay", "sqs:SendMessage", "uncarried")}
# Actions that AWS knows no resource for.
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "dynamodb:ListStreams"}
# The calls that need a right of another name.
RIGHTS = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage",
          "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"}
# What the product asks of AWS at all, by the name of the call.
CALLS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "Scan",
         "GetSecretValue", "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
         "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "GetQueueAttributes", "GetQueueUrl")
PAGES = 20
PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
# What happens so rarely that driving the stack for minutes does not bring it about; `*` stands for every role.
RARE = {
    ("*", "dynamodb:DeleteItem", "items"): "an identifier that was unbound, a page of an inbox that is over",
    ("*", "dynamodb:BatchGetItem", "items"): "turns of one customer in one process, faster than the relay",
    ("*", "dynamodb:BatchGetItem", "history"): "the same",
    ("inbox", "sqs:SendMessage", "pokes"): "a poke that came early",
    ("relay", "dynamodb:GetItem", "items"): "something to hand over that is there already",
    ("inbox", "dynamodb:Query", "history"): "a message from before the inbox's window",
    ("send", "dynamodb:Query", "history"): "the same, of a report",
    ("sweep", "dynamodb:Query", "history"): "the same, in a job",
    ("sweep", "sqs:SendMessage", "sends"): "a hint that was lost",
    ("sweep", "sqs:SendMessage", "announcements"): "a hint that was lost",
}


def listed(value):
    """A policy's lists may be single words."""
    return value if isinstance(value, list) else [value]


def short(resource):
    """A table, index or queue by what its name ends with."""
    return resource.rsplit(f"{STACK}-", 1)[-1]


def allowed(stack):
    """What the policies say: (role, action, resource)."""
    iam = boto3.client("iam")
    said = {role: statements_of(iam, name) for role, name in stack.roles().items()}
    return {(role, action, short(resource)) for role, statements in said.items() for statement in statements
            for action in listed(statement["Action"]) for resource in listed(statement["Resource"])}


def done():
    """What the functions did, as far as the emulator's trail was read: (role, action, resource)."""
    keys = {process.key: process.role for process in of_stack(STACK)}
    return {(role, *one) for key, role in keys.items() for name in CALLS for event in calls(key, name)
            for one in rights(event)}


def calls(key, name):
    """Calls of that name by whoever has the key, newest first: of many seconds fifty each, which is enough here."""
    trail = boto3.client("cloudtrail")
    wanted = [{"AttributeKey": "Username", "AttributeValue": key}, {"AttributeKey": "EventName", "AttributeValue": name}]
    until = {}
    for _ in range(PAGES):
        events = trail.lookup_events(LookupAttributes=wanted, **until)["Events"]
        yield from (json.loads(event["CloudTrailEvent"]) for event in events)
        if len(events) < 50:
            return
        until = {"EndTime": events[-1]["EventTime"]}


def rights(event):
    """The rights one call needs."""
    service, name = event["eventSource"].split(".")[0], event["eventName"]
    asked = event["requestParameters"] or {}
    if name == "TransactWriteItems":
        return [(f"dynamodb:{PARTS[kind]}", short(part["TableName"]))
                for one in asked["TransactItems"] for kind, part in one.items()]
    if name in ("BatchGetItem", "BatchWriteItem"):
        return [(f"dynamodb:{name}", short(table)) for table in asked["RequestItems"]]
    if service == "secretsmanager":
        return [(f"secretsmanager:{name}", short(asked["SecretId"]))]
    if service == "dynamodb":
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        return [(f"dynamodb:{name}", short(asked.get("TableName", "")) + index)]
    if service == "sqs":
        return [(f"sqs:{RIGHTS.get(name, name)}", short(asked.get("QueueUrl", "")))]
    return [(f"{service}:{name}", "")]


def least_privilege(stack):
    """Holds both against each other, after everything else was driven."""
    # Whose calls are whose is read off processes, and these two functions may have none.
    stack.invoke("admin", {"do": "list_tenants"})
    stack.sweep()
    may, did = allowed(stack), done()
    everywhere = {(role, action) for role, action, resource in may if resource == "*"}
    wide = {one for one in everywhere if one[1] not in WITHOUT_RESOURCE}
    check(not wide, "no policy names every resource, but where AWS knows no other", wide)
    wild = {one for one in may if "*" in one[1]}
    check(not wild, "no policy allows actions by a pattern", wild)
    rare = {one for one in may if one in RARE or ("*", *one[1:]) in RARE}
    unused = {one for one in may - did - rare - GIVEN_UP if one[1] not in BY_AWS}
    check(not unused, f"{len(may & did)} rights of {len({one[0] for one in may})} roles were used; the others are AWS's own, or rare and named",
          sorted(unused))
    outside = {one for one in did - may if one[1].startswith(("dynamodb:", "sqs:"))}
    check(not outside, "and nothing was done without a right", sorted(outside))
