#!/usr/bin/env python3
"""The real PyPI `standardwebhooks` verifies what a running server announces; README.md says how to run it.

The receiver stands on this machine, so the server needs `ROADBOOK_WEBHOOKS_ALLOW_HTTP=true`.
"""

import json

from segment.analytics.client import Client
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api import Api, check, env, eventually, new_run, run_checks
from receiver import Receiver

RUN = new_run()
ENTERED = "cn.roadbook.segment.entered.v1"
CONSENT = "cn.roadbook.consent.changed.v1"


def verified(secret, call):
    """What the library makes of a call; None where it refuses it."""
    headers, body = call
    try:
        return Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return None


def visit(api, name):
    """Somebody enters the segment; returns who."""
    who = f"webhook-py-{RUN}-{name}"
    client = Client(env("ROADBOOK_WRITE_KEY"), host=env("ROADBOOK_URL"), sync_mode=True)
    client.track(who, f"Webhook {RUN}", {"phone": "13800000000"})
    client.flush()
    return eventually("a profile", lambda: api.find("userId", who))


def endpoint(api, receiver, types):
    """A new endpoint and its secret."""
    made = api.expect(201, "POST", "/v1/webhook-endpoints", {"url": receiver.url, "types": types})
    check(made["secret"].startswith("whsec_"), "a new endpoint shows its secret")
    shown = api.expect(200, "GET", f"/v1/webhook-endpoints/{made['id']}")
    check("secret" not in shown, "and never again")
    return f"/v1/webhook-endpoints/{made['id']}", made["secret"]


def signed(api):
    """Announced, verified, and refused where a byte is another; a failed call comes again under its id."""
    receiver = Receiver()
    path, secret = endpoint(api, receiver, [ENTERED, CONSENT])
    receiver.answers = [500]
    customer = visit(api, "one")
    first, again = receiver.wait(2)[:2]
    event = verified(secret, first)
    check(event is not None and event["type"] == ENTERED, "the library verifies the first call", first)
    check(event["subject"] == customer and event["specversion"] == "1.0", "it is a CloudEvent about the customer", event)
    check(b"13800000000" not in first[1], "it holds no personal value")
    check(verified(secret, (first[0], first[1] + b" ")) is None, "the library refuses a body that was changed")
    check(verified("whsec_" + "A" * 44, first) is None, "and another secret")
    ids = [{key.lower(): value for key, value in call[0].items()}["webhook-id"] for call in (first, again)]
    check(ids[0] == ids[1] and first[1] == again[1], "a failed call comes again with the same id and body", ids)
    api.expect(200, "POST", f"/v1/profiles/{customer}/consents", {"purpose": "marketing", "verdict": "granted"})
    event = verified(secret, receiver.wait(3)[2])
    check(event is not None and event["data"]["verdict"] == "granted", "a consent is announced", event)

    rotated = api.expect(200, "POST", f"{path}/secret/rotate")["secret"]
    visit(api, "two")
    call = receiver.wait(4)[3]
    check(verified(secret, call) is not None and verified(rotated, call) is not None, "after a rotation both secrets verify")

    message = ids[0]
    api.expect(202, "POST", f"{path}/replay", {"message": message})
    replayed = receiver.wait(5)[4]
    check(json.loads(replayed[1]) == json.loads(first[1]), "what was delivered is sent again on request")
    attempts = api.expect(200, "GET", f"{path}/attempts")["data"]
    check(len(attempts) >= 5 and attempts[-1]["error"] == "http_500", "the log of attempts tells it all", attempts)


def gone(api):
    """An endpoint that answers 410 is told nothing more."""
    receiver = Receiver()
    path, _ = endpoint(api, receiver, [ENTERED])
    receiver.answers = [410]
    visit(api, "three")
    receiver.wait(1)
    disabled = lambda: api.expect(200, "GET", path)["status"] == "disabled"
    eventually("it is disabled", disabled)
    check(api.expect(200, "GET", path)["disabled_because"] == "gone", "410 disables an endpoint, and it says why")


def main():
    api = Api(env("ROADBOOK_URL"), env("ROADBOOK_SECRET_KEY"))
    condition = {"event": f"Webhook {RUN}", "count": {"op": "gte", "value": 1}}
    api.publish_segment({"name": f"Webhooks {RUN}", "condition": condition})
    signed(api)
    gone(api)


if __name__ == "__main__":
    run_checks(main)
