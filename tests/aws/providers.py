"""Messages to people, by WeCom and a mini-program that a simulator plays: from an event to the platform's own log."""

from operator_cli import ops
from processes import of_stack
from stack_cloud import check, env, eventually

from api import Simulator, request  # noqa: E402  isort: skip

CORP, APP, TEMPLATE = "ww-sim-corp", "wx-sim-app", "tmpl-test"
SECRETS = ("sim-corp-secret", "sim-app-secret")
OPENID = "oTESTprovider000000000000001"


def settings(stack):
    """Puts the credentials of the simulator's accounts, as an operator does; every process of before then is gone.

    Without that, functions would have them after five minutes.
    """
    simulator = env("SIMULATOR_URL")
    told = ops("secrets", "init", "--stack", stack.name, "--settings", "-", text=f"""
wecom_url = "{simulator}"
miniprogram_url = "{simulator}"
webhooks_allow_http = true
rate_limit_per_minute = 0
[[corps]]
corp = "{CORP}"
agent = 1000002
secret = "{SECRETS[0]}"
[[miniprograms]]
appid = "{APP}"
secret = "{SECRETS[1]}"
""")
    check("master key: there" in told and not any(secret in told for secret in SECRETS),
          "roadbook-ops secrets init: the key is there, the settings were put, and no secret was told")
    for process in of_stack(stack.name):
        process.kill()


def define(bench):
    """One journey that tells a seller, and one that tells the customer."""
    over = {"type": "exit"}
    seller = {"type": "send", "channel": "wecom_seller", "purpose": "service", "next": "over",
              "to": {"corp": CORP, "member": "test-seller"}, "content": {"text": f"A customer called ({bench.run})."}}
    person = {"type": "send", "channel": "miniprogram_subscribe", "purpose": "service", "next": "over",
              "to": {"appid": APP}, "content": {"template": TEMPLATE, "data": {"thing1": f"welcome {bench.run}"}}}
    for event, node in (("called", seller), ("welcomed", person)):
        definition = {"entry": {"event": event}, "reentry": "once", "start": "tell", "nodes": {"tell": node, "over": over}}
        bench.api.publish_journey({"name": f"{event} {bench.run}", "definition": definition})


def reach_people(bench):
    """event -> API -> SQS -> inbox -> DynamoDB -> stream -> relay -> send queue -> platform, and back as a report."""
    simulator, user = Simulator(env("SIMULATOR_URL")), bench.user("reached")
    # What the customer tapped, the platform knows first.
    grant = {"openid": OPENID, "template_id": TEMPLATE, "count": 1}
    status, answer = request("POST", simulator.url + "/_control/grants", grant)
    check(status == 200, "the customer allows one message", answer)
    openid = {"kind": "openid", "scope": APP, "value": OPENID}
    bench.client.identify(user, {"city": "Testville"}, context={"roadbook": {"identifiers": [openid]}})
    bench.client.track(user, "subscribe_granted", {"appid": APP, "template": TEMPLATE, "count": 1})
    bench.client.track(user, "called")
    bench.client.track(user, "welcomed")
    calls = eventually("both messages reach the platform", lambda: two(simulator.calls(bench.run)), 60)
    paths = sorted(call["path"] for call in calls)
    check(paths == ["/cgi-bin/message/send", "/cgi-bin/message/subscribe/send"], "a seller and a customer got one each", paths)
    told = lambda: [one["status"].get("report", {}).get("outcome") for one in bench.api.profile(bench.profile_id(user))["sends"]]  # noqa: E731
    eventually("what the platform answered is known of the customer", lambda: told() == ["sent", "sent"])
    check(len(simulator.calls(bench.run)) == 2, "and nothing was called twice")


def two(calls):
    """The calls, once there are two."""
    return calls if len(calls) >= 2 else None
