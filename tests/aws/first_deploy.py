"""From nothing to a tenant that takes events, in the order of infra/README.md; and a second environment beside it."""

import json

import boto3
import tomllib
from stack_cloud import ROOT, check, deploy, eventually, tool

from api import Api, request  # noqa: E402  isort: skip

SMOKE = {"type": "track", "userId": "smoke", "event": "deployed"}


def first_deploy(stack):
    """Stack, secrets, the first tenant with its keys told once, and a look whether all of it agrees."""
    check(smoke(stack), "before there is a tenant, /healthz says that table, key and function agree")
    status, _ = Api(stack.url, "rb_sk_nobody").call("GET", "/v1/segments")
    check(status == 401, "and no key opens anything")
    check(stack.invoke("admin", {"do": "list_tenants"}) == [], "there is no tenant")
    made = stack.invoke("admin", {"do": "create_tenant", "name": "Test Dealer Group"})
    told = json.dumps(stack.invoke("admin", {"do": "list_tenants"}))
    check(made["tenant"] in told, "the first tenant is there")
    check(made["admin_key"] not in told and made["write_key"] not in told, "its keys were told this once")
    check(takes_an_event(stack, made), "and an event of theirs finds its customer")
    return made


def smoke(stack):
    """Whether the deployed API says that it can work."""
    return eventually("/healthz", lambda: request("GET", f"{stack.url}/healthz") == (200, {"status": "ok"}))


def takes_an_event(stack, made):
    """Whether what a write key brings is found by the admin key."""
    headers = {"Authorization": f"Bearer {made['write_key']}"}
    status, answer = request("POST", f"{stack.url}/v1/batch", {"batch": [SMOKE]}, headers)
    check(status == 200, "an event is taken", answer)
    return eventually("its customer is found", lambda: Api(stack.url, made["admin_key"]).find("userId", "smoke"))


def cost_tags():
    """Every stage is told from the others on the bill."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    for stage in ("dev", "staging", "prod"):
        tags = config[stage]["deploy"]["parameters"]["tags"]
        check(tags == ["product=roadbook", f"stage={stage}"], f"what {stage} costs is told apart by its tags", tags)
    described = boto3.client("cloudformation").describe_stacks(StackName="roadbook-dev")["Stacks"][0]
    tags = {one["Key"]: one["Value"] for one in described["Tags"]}
    check(tags == {"product": "roadbook", "stage": "dev"}, "the deployed stack carries them", tags)


def second_environment(stack, made):
    """Staging beside dev in one account: neither sees the other, and taking one away leaves its data and the other."""
    beside = deploy("staging")
    check(smoke(beside), "a second environment answers")
    status, _ = Api(beside.url, made["admin_key"]).call("GET", "/v1/segments")
    check(status == 401, "a key of the one opens nothing in the other")
    theirs = beside.invoke("admin", {"do": "create_tenant", "name": "Another Dealer Group"})
    check(takes_an_event(beside, theirs), "it takes events")
    mine = json.dumps(stack.invoke("admin", {"do": "list_tenants"}))
    check(theirs["tenant"] not in mine, "and the first one knows nothing of it")
    tool("sam", "delete", "--config-env", "staging", "--no-prompts", "--region", "us-east-1")
    tables = boto3.client("dynamodb").list_tables()["TableNames"]
    kept = {f"{beside.name}-items", f"{beside.name}-history"}
    check(kept <= set(tables), "its tables outlive it", tables)
    boto3.client("secretsmanager").get_secret_value(SecretId=beside.outputs["MasterKeyArn"])
    check(True, "and so does its master key")
    check(smoke(stack) and takes_an_event(stack, made), "the first environment goes on")
