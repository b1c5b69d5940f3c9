#!/usr/bin/env python3
"""The real PyPI `rudder-sdk-python` against a running server; README.md says how to run it.

It authenticates by Basic alone, packs every batch with gzip and calls itself analytics-python.
"""

from rudderstack.analytics.client import Client

from api import Api, check, env, eventually, new_run, run_checks

RUN = new_run()


def user(name):
    """A user id of this run."""
    return f"rudder-py-{RUN}-{name}"


def named(name):
    """An event name of this run."""
    return f"{name} {RUN}"


def client(**settings):
    """An SDK client; what it gives up on fails the script."""
    lost = []
    made = Client(env("ROADBOOK_WRITE_KEY"), host=env("ROADBOOK_URL"), on_error=lambda error, _: lost.append(error), **settings)
    made.lost = lost
    return made


def every_call(api, packed):
    """identify, track, page, screen, group: each is in the timeline once, in order; gzip or not."""
    who, sdk = user(f"packed-{packed}"), client(gzip=packed, sync_mode=True)
    sdk.identify(who, {"city": "Testville", "budget": 250000})
    sdk.track(who, named("Model Viewed"), {"model": "T-1"})
    sdk.page(who, "Models", "Overview")
    sdk.screen(who, "Garage", "My Car")
    sdk.group(who, f"dealer-{RUN}", {"name": "Test Dealer"})
    sdk.flush()
    check(not sdk.lost, f"gzip={packed}: the SDK gave up on nothing", sdk.lost)
    profile = eventually("a profile", lambda: api.find("userId", who))
    events = eventually("five events", lambda: (rows := api.events(profile)) and len(rows) >= 5 and rows)
    wanted = ["identify", named("Model Viewed"), "page", "screen", "group"]
    check([one["name"] for one in events] == wanted, f"gzip={packed}: every call is there once, in order", events)
    traits = api.profile(profile)["traits"]
    check((traits.get("city"), traits.get("budget")) == ("Testville", 250000), "the traits are there, with their types", traits)


def many_in_the_background(api):
    """Two hundred events through the SDK's own threads and batches: all of them, once."""
    who, sdk = user("many"), client(upload_size=50)
    for number in range(200):
        sdk.track(who, named("Opened"), {"number": number})
    sdk.shutdown() if hasattr(sdk, "shutdown") else sdk.join()
    check(not sdk.lost, "background: the SDK gave up on nothing", sdk.lost)
    profile = eventually("a profile", lambda: api.find("userId", who))
    eventually("two hundred events", lambda: api.profile(profile)["events"] == 200)
    check(api.profile(profile)["events"] == 200, "background: two hundred events are two hundred")


def main():
    api = Api(env("ROADBOOK_URL"), env("ROADBOOK_SECRET_KEY"))
    every_call(api, True)
    every_call(api, False)
    many_in_the_background(api)


if __name__ == "__main__":
    run_checks(main)
