"""Every alarm looks at something that is there and is told: a queue, a function, a table, a number of ours."""

import json

import boto3
from stack_cloud import STACK, check

# Namespace of an alarm -> how its dimension names things.
THINGS = {"AWS/SQS": "QueueName", "AWS/Lambda": "FunctionName", "AWS/DynamoDB": "TableName", "AWS/ApiGateway": "ApiId"}
# What AWS counts by itself, as far as an alarm of ours looks at it.
COUNTED = {
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/Lambda": {"Errors", "Throttles", "IteratorAge"},
    "AWS/DynamoDB": {"WriteThrottleEvents", "ReadThrottleEvents"},
    "AWS/ApiGateway": {"5xx", "4xx", "Latency", "Count"},
}


def alarms_look_at_something(stack):
    """Holds the deployed alarms against what was deployed, and against what the functions told."""
    alarms = [one for one in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
              if one["AlarmName"].startswith(f"{STACK}-")]
    there = things(stack)
    for alarm in alarms:
        namespace, metric = alarm["Namespace"], alarm["MetricName"]
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        where = f"{alarm['AlarmName']}: {namespace} {metric} {dimensions}"
        if namespace == "Roadbook":
            if dimensions != {"Stack": STACK} or metric not in told():
                check(False, "an alarm looks at a number that no function tells", where)
        elif metric not in COUNTED[namespace] or dimensions != {THINGS[namespace]: dimensions.get(THINGS[namespace])}:
            check(False, "an alarm looks at what AWS does not count", where)
        elif dimensions[THINGS[namespace]] not in there[namespace]:
            check(False, "an alarm looks at something that is not there", where)
    watched = {(one["Namespace"], one["MetricName"], d["Value"]) for one in alarms for d in one["Dimensions"]}
    graves = [one for one in there["AWS/SQS"] if "dead" in one or "uncarried" in one]
    unseen = [one for one in graves if ("AWS/SQS", "ApproximateNumberOfMessagesVisible", one) not in watched]
    check(graves and not unseen, f"{len(alarms)} alarms look at what is there; each of {len(graves)} dead-letter queues has one", unseen)
    silent = [one for one in there["AWS/Lambda"] if ("AWS/Lambda", "Errors", one) not in watched]
    check(silent == [f"{STACK}-admin"], "every function's errors are seen, but for the one a person invokes", silent)


def things(stack):
    """What is deployed, by namespace, as alarms name it."""
    queues = boto3.client("sqs").list_queues(QueueNamePrefix=STACK).get("QueueUrls", [])
    functions = boto3.client("lambda").get_paginator("list_functions").paginate()
    names = sorted(one["FunctionName"] for page in functions for one in page["Functions"])
    return {
        "AWS/SQS": [url.rsplit("/", 1)[-1] for url in queues],
        "AWS/Lambda": [name for name in names if name.startswith(f"{STACK}-")],
        "AWS/DynamoDB": boto3.client("dynamodb").list_tables()["TableNames"],
        "AWS/ApiGateway": [stack.outputs["ApiId"]],
    }


def told():
    """The numbers that functions wrote into their logs for CloudWatch, with the dimension of the stack."""
    logs, names = boto3.client("logs"), set()
    for role in ("sweep", "inbox", "send"):
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{STACK}-{role}", filterPattern="CloudWatchMetrics")
        for event in found["events"]:
            names |= names_in(event["message"])
    return names


def names_in(message):
    """The numbers of one line of a log, if it is such a line."""
    try:
        line = json.loads(message)
    except ValueError:
        return set()
    if not isinstance(line, dict) or line.get("Stack") != STACK:
        return set()
    ours = [one for one in line.get("_aws", {}).get("CloudWatchMetrics", [])
            if one["Namespace"] == "Roadbook" and one["Dimensions"] == [["Stack"]]]
    return {metric["Name"] for one in ours for metric in one["Metrics"] if metric["Name"] in line}
