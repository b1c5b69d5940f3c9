"""A deployed stack, as an operator handles it: deploy, invoke, stop the relay, start it again."""

import json
import subprocess
import sys
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
STACK = "roadbook-dev"
# A policy that only the emulator needs.
EMULATORS = "emulator"

sys.path.insert(0, str(ROOT / "tests/clients"))

from api import Failed, check, env, eventually  # noqa: E402


def tool(*words):
    """A program of this Python's own environment, run from the root; what it says is shown only if it fails."""
    program = str(Path(sys.executable).parent / words[0])
    done = subprocess.run([program, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def statements_of(iam, role):
    """What the template lets a role do."""
    policies = [one for one in iam.list_role_policies(RoleName=role)["PolicyNames"] if one != EMULATORS]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"] for one in policies]
    return [statement for document in documents for statement in document["Statement"]]


class Stack:
    """What is there once the stack is deployed."""

    def __init__(self, name=STACK):
        self.name = name
        described = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        self.lambdas = boto3.client("lambda")
        self.sqs = boto3.client("sqs")
        # The emulator has every API below one address; on AWS it would be the output `Url`.
        self.url = f"{env('AWS_ENDPOINT_URL')}/_aws/execute-api/{self.outputs['ApiId']}/$default"

    def roles(self):
        """The names of the functions' roles, by what the functions are called."""
        pages = self.lambdas.get_paginator("list_functions").paginate()
        mine = [one for page in pages for one in page["Functions"] if one["FunctionName"].startswith(self.name + "-")]
        return {one["FunctionName"].removeprefix(self.name + "-"): one["Role"].rsplit("/", 1)[-1] for one in mine}

    def allow_batches(self):
        """On AWS who may send a message may send a batch, and there is no right of that name; this emulator asks for it."""
        iam = boto3.client("iam")
        for name in self.roles().values():
            statements = statements_of(iam, name)
            sends = [one["Resource"] for one in statements if "sqs:SendMessage" in one["Action"]]
            wider = [{"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": resource} for resource in sends]
            if wider:
                document = json.dumps({"Version": "2012-10-17", "Statement": wider})
                iam.put_role_policy(RoleName=name, PolicyName=EMULATORS, PolicyDocument=document)

    def invoke(self, role, payload):
        """Invokes a function as an operator would; its answer."""
        answer = self.lambdas.invoke(FunctionName=f"{self.name}-{role}", Qualifier="live", Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise Failed(f"the function {role} failed: {body}")
        return body

    def sweep(self):
        """A tick between the schedule's own."""
        return self.invoke("sweep", {})

    def count_with_numbers(self):
        """CloudFormation makes a number of a parameter where one is wanted; the emulator keeps the text, and compares it
        with numbers."""
        for mapping in self.lambdas.list_event_source_mappings()["EventSourceMappings"]:
            scaling = mapping.get("ScalingConfig")
            if scaling:
                numbers = {name: int(value) for name, value in scaling.items()}
                self.lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=numbers)

    def source(self, output, enabled):
        """Stops what starts a function, or lets it go on, and waits until that is so."""
        self.trigger(self.outputs[output], output, enabled)

    def listen(self, name, enabled):
        """Stops what receives a queue's messages, or lets it go on."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=["QueueArn"])["Attributes"]
        [found] = self.lambdas.list_event_source_mappings(EventSourceArn=arn["QueueArn"])["EventSourceMappings"]
        self.trigger(found["UUID"], name, enabled)

    def trigger(self, source, what, enabled):
        """A trigger by its id."""
        self.lambdas.update_event_source_mapping(UUID=source, Enabled=enabled)
        wanted = "Enabled" if enabled else "Disabled"
        state = lambda: self.lambdas.get_event_source_mapping(UUID=source)["State"]  # noqa: E731
        eventually(f"{what} is {wanted.lower()}", lambda: state() == wanted)

    def relay(self, enabled):
        """Stops the relay, or lets it go on."""
        self.source("RelaySourceId", enabled)

    def schedule(self, enabled):
        """Stops the ticks of every minute, or lets them go on."""
        events = boto3.client("events")
        (events.enable_rule if enabled else events.disable_rule)(Name=f"{self.name}-sweep")

    def queue(self, name):
        """The address of a queue: inbox, pokes, sends, announcements, or one of them with -dead behind it."""
        fifo = ".fifo" if name.startswith("inbox") else ""
        return self.sqs.get_queue_url(QueueName=f"{self.name}-{name}{fifo}")["QueueUrl"]

    def depth(self, name):
        """How many messages of a queue wait, are being worked on, are not ready yet."""
        kinds = {"visible": "", "in_flight": "NotVisible", "delayed": "Delayed"}
        names = {kind: f"ApproximateNumberOfMessages{suffix}" for kind, suffix in kinds.items()}
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=list(names.values()))
        return {kind: int(found["Attributes"][attribute]) for kind, attribute in names.items()}

    def dead_queues(self):
        """The names of the dead-letter queues."""
        return [f"{name}-dead" for name in ("inbox", "pokes", "sends", "announcements")]

    def lose(self, name):
        """Everything in a queue is lost."""
        self.sqs.purge_queue(QueueUrl=self.queue(name))

    def until_applied(self):
        """Waits until no accepted event waits any more."""
        eventually("every accepted event is applied", lambda: not any(self.depth("inbox").values()))

    def another_relay(self, begins):
        """A second mapping in place of the first: it begins at TRIM_HORIZON, or at LATEST as if the stream had
        forgotten."""
        former = self.lambdas.get_event_source_mapping(UUID=self.outputs["RelaySourceId"])
        kept = ("EventSourceArn", "BatchSize", "FilterCriteria", "FunctionResponseTypes", "BisectBatchOnFunctionError")
        settings = {name: former[name] for name in kept if name in former}
        self.lambdas.delete_event_source_mapping(UUID=former["UUID"])
        made = self.lambdas.create_event_source_mapping(
            FunctionName=f"{self.name}-relay:live", StartingPosition=begins, **settings
        )
        self.outputs["RelaySourceId"] = made["UUID"]


def examine():
    """The template, without deploying it."""
    tool("cfn-lint", "infra/template.yaml")
    check(True, "cfn-lint has nothing to say")
    for stage in ("dev", "staging", "prod"):
        tool("sam", "validate", "--lint", "--config-env", stage)
    check(True, "sam validate --lint, for every stage of samconfig.toml")


def deploy(stage="dev"):
    """The contract: `cargo xtask package`, then this, from the root and without a hand edit."""
    tool("sam", "deploy", "--config-env", stage)
    stack = Stack(f"roadbook-{stage}")
    stack.count_with_numbers()
    stack.allow_batches()
    check(True, f"sam deploy --config-env {stage}")
    return stack
