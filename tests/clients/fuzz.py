"""Schemathesis (PyPI) against a server: everything the OpenAPI document allows, and much that it does not.

No request may be answered with a 5xx, with a status, a content type or a body that the document does not describe; what
the document forbids must be refused; what needs a key must ask for one. `fuzz/schemathesis.toml` says how it asks.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from api import Api, Failed, check, env, eventually, fixture, new_run, request, run_checks

HERE = Path(__file__).parent / "fuzz"
SEED = "20260302"
# Of each operation in the fuzzing phase, and for all phases together.
EXAMPLES = "40"
SECONDS = "180"


def seed_data(api, write_key):
    """One of everything that has an id, so that requests can name it."""
    run = new_run()
    segment = api.publish_segment(fixture("segment_twice.json", run=run))
    journey = api.publish_journey(fixture("journey_trait.json", run=run, wait="PT1H"))
    draft = api.expect(201, "POST", "/v1/segments", {"name": "draft", "condition": {"tag": "vip"}})["id"]
    events = [
        {"type": "track", "userId": f"{user}-{run}", "event": f"{name} {run}", "messageId": f"{user}-{name}-{number}-{run}"}
        for user in ("u-1", "u-2")
        for name in ("Clock Check", "Price Viewed")
        for number in range(2)
    ]
    bad = [{"type": "track", "messageId": f"bad-{number}-{run}"} for number in range(3)]
    status, answer = request(
        "POST", f"{api.url}/v1/batch", {"batch": events + bad, "writeKey": write_key}
    )
    check(status == 200, "events were taken", answer)
    profiles = [eventually("the profile", lambda user=user: api.find("user_id", f"{user}-{run}")) for user in ("u-1", "u-2")]
    letters = [row["id"] for row in api.expect(200, "GET", "/v1/dead-letters")["data"]]
    own = [row["id"] for row in api.expect(200, "GET", "/v1/api-keys")["data"]]
    spare = [api.expect(201, "POST", "/v1/api-keys", {"name": "spare", "kind": "write"})["id"] for _ in range(3)]
    person = {"login": f"tester-{run}@example.com", "name": "Test Person", "password": "a long password"}
    users = [api.expect(201, "POST", "/v1/users", {**person, "roles": ["oem_operations"]})["id"]]
    api.expect(200, "POST", "/v1/tag-definitions/load-builtin")
    return {
        "own_keys": own,
        "ids": {
            "cus": profiles,
            "seg": [segment, draft],
            "jrn": [journey],
            "dl": letters,
            "key": spare,
            "usr": users,
        },
    }


def main():
    url, secret, write = env("ROADBOOK_URL"), env("ROADBOOK_SECRET_KEY"), env("ROADBOOK_WRITE_KEY")
    ids = seed_data(Api(url, secret), write)
    seed = os.environ.get("ROADBOOK_FUZZ_SEED", SEED)
    print(f"seed  {seed}; ask the same again with ROADBOOK_FUZZ_SEED={seed}", flush=True)
    environment = {
        **os.environ,
        "ROADBOOK_FUZZ_IDS": json.dumps(ids),
        "PYTHONPATH": str(HERE),
    }
    program = Path(sys.executable).with_name("schemathesis")
    command = [program, "--config-file", HERE / "schemathesis.toml", "run", f"{url}/v1/openapi.json"]
    command += ["--seed", seed, "--max-examples", EXAMPLES, "--max-time", SECONDS, *sys.argv[1:]]
    ended = subprocess.run(command, env=environment, cwd=HERE, check=False)
    if ended.returncode != 0:
        raise Failed(f"schemathesis ended with {ended.returncode}; its report is above")
    status, _ = request("GET", f"{url}/healthz")
    check(status == 200, "the server is as well as before")


if __name__ == "__main__":
    run_checks(main)
