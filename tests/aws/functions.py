"""What the packaged functions burn, by the kernel's own account; `cargo xtask cost` runs it against the emulator.

A Runtime API of a page hands events to one process; when all are answered the process is killed, and what it used in
user and system mode is read as it ends. Starting alone is subtracted, so what is left is per event. What the process
writes to its log is counted too. Prints one JSON object.

    functions.py BOOTSTRAP EMPTY
"""

import base64
import json
import os
import queue
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
STACK = "cost"
# Starts of each program, events of each kind.
STARTS, EVENTS, BATCHES = 20, 200, 20
BATCH, TOGETHER, BROUGHT = 20, 4, 10
ARN = "arn:aws:lambda:us-east-1:000000000000:function:cost"
QUEUES = {"INBOX": "cost-inbox.fifo", "POKES": "cost-pokes", "SENDS": "cost-sends",
          "ANNOUNCEMENTS": "cost-announcements"}


class Runtime(ThreadingHTTPServer):
    """Hands out events, and keeps answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.events, self.answers, self.asked = queue.Queue(), queue.Queue(), queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A process that was killed breaks its connection."""


class Handler(BaseHTTPRequestHandler):
    """The two requests of the Runtime API."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """The next event, as soon as there is one."""
        self.server.asked.put(True)
        event = json.dumps(self.server.events.get()).encode()
        self.send_response(200)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(event)),
            "Lambda-Runtime-Aws-Request-Id": secrets.token_hex(8),
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        """An answer, or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunked()
        self.server.answers.put((self.path.endswith("/response"), body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def chunked(self):
        """A body that came in pieces."""
        whole = b""
        while self.headers.get("Transfer-Encoding", "") == "chunked":
            size = int(self.rfile.readline(), 16)
            whole += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        return whole

    def log_message(self, *_):
        """Nothing."""


def run(program, role, events):
    """Answers of a process to these events, its CPU in milliseconds, and the bytes of its log."""
    runtime = Runtime()
    environment = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": STACK,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_LOG_GROUP_NAME": STACK,
        "AWS_LAMBDA_LOG_STREAM_NAME": STACK,
        "ROADBOOK_ROLE": role,
        "ROADBOOK_TABLES": STACK,
        "ROADBOOK_MASTER_KEY_ARN": f"{STACK}-master-key",
        **URLS,
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([program], env=environment, stdout=log, stderr=log)
        runtime.asked.get(timeout=60)
        answers = []
        for event in events:
            runtime.events.put(event)
            good, body = runtime.answers.get(timeout=60)
            if not good:
                process.kill()
                raise SystemExit(f"{role}: {body[:2000]}")
            answers.append(json.loads(body or b"null"))
        process.kill()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        written = log.seek(0, os.SEEK_END)
    runtime.shutdown()
    return answers, (used.ru_utime + used.ru_stime) * 1000, written


def per_event(program, role, events, warm=10):
    """CPU and log bytes of each event behind the first ones, which also fetch secrets and definitions."""
    _, began, said = run(program, role, events[:warm])
    answers, ended, written = run(program, role, events[warm:])
    rest = len(events) - 2 * warm
    return answers, {"cpu_ms": max(ended - began, 0) / rest, "log_bytes": max(written - said, 0) / rest}


def starts(bootstrap, empty):
    """CPU before the first event, of the product and of a function that does nothing, one after the other."""
    pairs = [(run(bootstrap, "api", [])[1], run(empty, "api", [])[1]) for _ in range(STARTS)]
    product, nothing = (statistics.median(one) for one in zip(*pairs))
    extra = statistics.median(one - other for one, other in pairs)
    return {"init_cpu_ms": product, "init_empty_cpu_ms": nothing, "init_extra_cpu_ms": extra}


def http(key, path, body):
    """A request as the HTTP API hands it on."""
    token = base64.b64encode(f"{key}:".encode()).decode()
    call = {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "cost"}
    context = {"accountId": "0", "apiId": "cost", "domainName": "cost", "domainPrefix": "cost", "http": call,
               "requestId": secrets.token_hex(8), "routeKey": "$default", "stage": "$default",
               "time": "22/Nov/2026:00:00:00 +0000", "timeEpoch": int(time.time() * 1000)}
    return {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"authorization": f"Basic {token}", "content-type": "application/json", "host": "cost"},
            "requestContext": context, "body": json.dumps(body), "isBase64Encoded": False}


def page(n):
    """An event of somebody that names no rule."""
    return {"type": "track", "userId": f"cost-user-{n}", "event": "brochure_opened", "messageId": secrets.token_hex(12),
            "properties": {"page": "/models/r1", "series": "R1"}}


def prepare():
    """Tables as infra/aws/src/tables.rs describes them, and the key."""
    items = boto3.client("dynamodb")
    keys = lambda pk, sk: [{"AttributeName": pk, "KeyType": "HASH"}, {"AttributeName": sk, "KeyType": "RANGE"}]  # noqa: E731
    kinds = lambda **of: [{"AttributeName": name, "AttributeType": kind} for name, kind in of.items()]  # noqa: E731
    due = {"IndexName": "due", "KeySchema": keys("dl", "nd"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
    items.create_table(TableName=f"{STACK}-items", BillingMode="PAY_PER_REQUEST", KeySchema=keys("pk", "sk"),
                       AttributeDefinitions=kinds(pk="S", sk="B", dl="S", nd="B"), GlobalSecondaryIndexes=[due],
                       StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    items.create_table(TableName=f"{STACK}-history", BillingMode="PAY_PER_REQUEST", KeySchema=keys("pk", "sk"),
                       AttributeDefinitions=kinds(pk="S", sk="N"))
    boto3.client("secretsmanager").create_secret(Name=f"{STACK}-master-key", SecretString=secrets.token_hex(32))


def queues():
    """The queues, and their addresses as functions are told them."""
    sqs, urls = boto3.client("sqs"), {}
    for name, queue_name in QUEUES.items():
        fifo = {"FifoQueue": "true"} if queue_name.endswith(".fifo") else {}
        urls[f"ROADBOOK_{name}_URL"] = sqs.create_queue(QueueName=queue_name, Attributes=fifo)["QueueUrl"]
    return urls


def stream():
    """Batches of the stream of items as the relay is given them."""
    client = boto3.client("dynamodbstreams")
    arn = client.list_streams(TableName=f"{STACK}-items")["Streams"][0]["StreamArn"]
    shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    place = client.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = []
    while True:
        answer = client.get_records(ShardIterator=place, Limit=1000)
        if not answer["Records"]:
            break
        records += answer["Records"]
        place = answer["NextShardIterator"]
    turns = [as_event(one, arn) for one in records if "lv" in one["dynamodb"].get("NewImage", {})]
    return [{"Records": turns[at:at + BROUGHT]} for at in range(0, len(turns), BROUGHT)]


def as_event(record, arn):
    """A record in the shape in which a function gets it."""
    plain = lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else value  # noqa: E731
    shape = lambda image: {name: {kind: plain(value) for kind, value in of.items()} for name, of in image.items()}  # noqa: E731
    change = record["dynamodb"]
    return {"eventID": record["eventID"], "eventName": record["eventName"], "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": "us-east-1", "eventSourceARN": arn,
            "dynamodb": {"ApproximateCreationDateTime": 0, "Keys": shape(change["Keys"]),
                         "NewImage": shape(change["NewImage"]), "SequenceNumber": change["SequenceNumber"],
                         "SizeBytes": 1, "StreamViewType": "NEW_IMAGE"}}


def waiting():
    """What waits in the inbox, a message a batch, and nothing of it twice."""
    sqs, batches = boto3.client("sqs"), []
    while True:
        got = sqs.receive_message(QueueUrl=URLS["ROADBOOK_INBOX_URL"], MaxNumberOfMessages=10, AttributeNames=["All"])
        if not got.get("Messages"):
            return batches
        for message in got["Messages"]:
            sqs.delete_message(QueueUrl=URLS["ROADBOOK_INBOX_URL"], ReceiptHandle=message["ReceiptHandle"])
            record = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
                      "body": message["Body"], "attributes": message.get("Attributes", {}), "messageAttributes": {},
                      "md5OfBody": message["MD5OfBody"], "eventSource": "aws:sqs", "awsRegion": "us-east-1",
                      "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:cost-inbox.fifo"}
            batches.append({"Records": [record]})


def main(bootstrap, empty):
    """Everything, in the order in which each needs what came before."""
    measured = starts(bootstrap, empty)
    prepare()
    made, _, _ = run(bootstrap, "admin", [{"do": "create_tenant", "name": "Test Dealer Group"}])
    key = made[0]["write_key"]
    known = [http(key, "/v1/track", page(n)) for n in range(40)]
    run(bootstrap, "api", known)
    single = [http(key, "/v1/track", page(n % 40)) for n in range(EVENTS)]
    answers, measured["api_single"] = per_event(bootstrap, "api", single)
    if any(answer["statusCode"] != 200 for answer in answers):
        raise SystemExit(f"an event was refused: {answers[0]}")
    batch = lambda at: {"batch": [page((at * 5 + n // TOGETHER) % 40) for n in range(BATCH)]}  # noqa: E731
    if URLS:
        _, measured["inbox_single"] = per_event(bootstrap, "inbox", waiting())
    several = [http(key, "/v1/batch", batch(at)) for at in range(BATCHES)]
    _, measured["api_batch20"] = per_event(bootstrap, "api", several, 4)
    if URLS:
        _, measured["inbox_batch20"] = per_event(bootstrap, "inbox", waiting(), 4)
    _, measured["relay"] = per_event(bootstrap, "relay", stream(), 4)
    measured["relay_turns"] = BROUGHT
    print(json.dumps(measured))


if __name__ == "__main__":
    URLS = queues() if "ROADBOOK_INBOX_URL" in (ROOT / "infra/template.yaml").read_text() else {}
    main(*sys.argv[1:])
