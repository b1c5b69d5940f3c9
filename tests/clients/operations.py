"""What an operator does to the host: first start, second process, keys while it serves, a full disk, SIGTERM under load,
a lost key file, wrong settings. Run: operations.py --bin PATH_TO_roadbook --data DIR."""

import argparse
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from api import Api, Failed, check, eventually, new_run, request, run_checks
from host import Host

LOAD_THREADS = 8
NO_DISK_IS_THIS_LARGE = str(10**17)


def track(url, key, user, message, event="Operator Test"):
    """One event over a connection of its own; returns (status, Retry-After), or None where no answer came."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname, split.port, timeout=30)
    basic = base64.b64encode(f"{key}:".encode()).decode()
    body = json.dumps({"userId": user, "event": event, "messageId": message})
    try:
        connection.request("POST", "/v1/track", body, {"Authorization": f"Basic {basic}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def verb(host, *words, data=None):
    """Runs a verb of the binary on the folder; returns (exit code, standard output, standard error)."""
    command = [host.binary, *words, "--data", str(data or host.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def counted(host, user):
    """Events on the timeline of a user."""
    api = Api(host.url, host.keys["admin_key"])
    profile = api.find("userId", user)
    return 0 if profile is None else len(api.events(profile))


def first_start(host):
    """An empty folder gets a tenant and two keys, once; the key file is for its owner only."""
    host.start()
    check({"tenant", "admin_key", "write_key"} <= host.keys.keys(), "the first start prints a tenant and two keys")
    mode = (host.data / "master.key").stat().st_mode & 0o777
    check(mode == 0o600, "the key file is for its owner only", oct(mode))
    before = dict(host.keys)
    host.stop()
    check(host.process.returncode == 0, "SIGTERM ends the host with 0", host.process.returncode)
    host.keys = {}
    host.start()
    check(not host.keys, "a later start prints no keys")
    host.keys = before


def second_process(host):
    """One process per folder."""
    code, _, error = verb(host, "serve", "--port", "0")
    check(code != 0 and "in use" in error, "a second process on one folder is refused, and told why", error)


def keys_while_serving(host):
    """Tenants and keys change while the host serves, and a revocation is effective at once."""
    code, text, error = verb(host, "keys", "create", "--kind", "write", "--name", "operations")
    check(code == 0, "a key is made while the host serves", error)
    made = json.loads(text)
    check(track(host.url, made["key"], f"keys-{new_run()}", new_run())[0] == 200, "the new key sends events")
    listed = json.loads(verb(host, "keys", "list")[1])
    check(any(key["id"] == made["id"] for key in listed), "the new key is listed")
    check(made["key"] not in json.dumps(listed), "a list never shows a key")
    check(verb(host, "keys", "revoke", made["id"])[0] == 0, "a key is revoked while the host serves")
    status = track(host.url, made["key"], f"keys-{new_run()}", new_run())
    check(status[0] == 401, "a revoked key is refused at once", status)
    check(verb(host, "keys", "revoke", "key_0000000000000000")[0] != 0, "an unknown key cannot be revoked")
    code, text, error = verb(host, "tenants", "create", "second tenant")
    check(code == 0 and "admin_key" in json.loads(text), "a tenant is made while the host serves", error)
    check(len(json.loads(verb(host, "tenants", "list")[1])) == 2, "both tenants are listed")
    code, _, error = verb(host, "keys", "list")
    check(code != 0 and "--tenant" in error, "with two tenants a verb asks which one", error)


def full_disk(host):
    """Below the free bytes it must keep, the host takes nothing and says so; reading goes on."""
    user = f"disk-{new_run()}"
    check(track(host.url, host.keys["write_key"], user, f"{user}-1")[0] == 200, "an event before the disk is full")
    host.stop()
    os.environ["ROADBOOK_DISK_FREE_BYTES_MIN"] = NO_DISK_IS_THIS_LARGE
    try:
        host.start()
    finally:
        del os.environ["ROADBOOK_DISK_FREE_BYTES_MIN"]
    status = track(host.url, host.keys["write_key"], user, f"{user}-2")
    check(status is not None and status[0] == 503 and status[1], "a full disk is 503 with Retry-After", status)
    check(request("GET", host.url + "/healthz")[0] == 503, "/healthz fails: it could not commit")
    check(counted(host, user) == 1, "reading goes on, and nothing was taken")
    host.stop()
    host.start()
    check(track(host.url, host.keys["write_key"], user, f"{user}-2")[0] == 200, "with room again the same event is taken")
    check(counted(host, user) == 2, "and counts once")


def drain_under_load(host):
    """Every request that was answered 200 is there after the restart; nothing else is."""
    run, accepted, stop = new_run(), set(), threading.Event()

    def load(thread):
        number = 0
        while not stop.is_set():
            user, number = f"drain-{run}-{thread}", number + 1
            answer = track(host.url, host.keys["write_key"], user, f"{user}-{number}")
            if answer is None or answer[0] in (503, 429):
                continue
            if answer[0] != 200:
                raise Failed(f"an event during the stop was answered {answer}")
            accepted.add(f"{user}-{number}")

    threads = [threading.Thread(target=load, args=(n,)) for n in range(LOAD_THREADS)]
    for thread in threads:
        thread.start()
    eventually("load is under way", lambda: len(accepted) > 200)
    host.process.send_signal(signal.SIGTERM)
    host.process.wait(timeout=40)
    stop.set()
    for thread in threads:
        thread.join()
    check(host.process.returncode == 0, "SIGTERM under load ends with 0", host.process.returncode)
    host.start()
    api = Api(host.url, host.keys["admin_key"])
    for thread in range(LOAD_THREADS):
        user = f"drain-{run}-{thread}"
        expected = sum(message.startswith(f"{user}-") for message in accepted)
        profile = api.find("userId", user)
        found = stored_events(api, profile) if profile else 0
        # One more may be stored than was answered: the answer was lost with the connection, not the event.
        if not expected <= found <= expected + 1:
            raise Failed(f"{user}: {expected} answered, {found} stored")
    check(True, f"all {len(accepted)} answered events are there after SIGTERM under load")


def stored_events(api, profile):
    """The number of events the profile itself counts."""
    status, body = api.call("GET", f"/v1/profiles/{profile}")
    if status != 200:
        raise Failed(f"GET /v1/profiles/{profile}: {status}")
    return body["events"]


def lost_key(host):
    """Without the key file no identifier can be found: the host explains, and makes no new key."""
    host.stop()
    copy = host.data.with_name(host.data.name + "-copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(host.data, copy, ignore=shutil.ignore_patterns("*.sock"))
    (copy / "master.key").unlink()
    code, _, error = verb(host, "serve", "--port", "0", data=copy)
    check(code != 0 and "cannot be made again" in error, "a lost key file is explained", error)
    check(not (copy / "master.key").exists(), "and no new one is made")
    shutil.rmtree(copy)


def wrong_settings(host):
    """All problems at once, each with its name."""
    (host.data / "roadbook.toml").write_text("arbiters = 0\nbatch_events_max = 0\n", encoding="utf-8")
    code, _, error = verb(host, "serve", "--port", "0")
    named = "arbiters" in error and "batch_events_max" in error
    check(code != 0 and named, "every wrong setting is named at once", error)
    (host.data / "roadbook.toml").write_text('[[corps]]\ncorp = "ww1"\nagent = 1\nsecret = "planted-secret"\n')
    code, text, error = verb(host, "config")
    check(code == 0 and "planted-secret" not in text, "`roadbook config` hides secrets", error)
    (host.data / "roadbook.toml").unlink()


def main():
    parser = argparse.ArgumentParser(description="What an operator does to the host.")
    parser.add_argument("--bin", required=True, help="the roadbook binary")
    parser.add_argument("--data", required=True, type=Path, help="a folder that is absent or empty")
    options = parser.parse_args()
    host = Host(options.bin, options.data)
    try:
        first_start(host)
        second_process(host)
        full_disk(host)
        drain_under_load(host)
        keys_while_serving(host)
        lost_key(host)
        wrong_settings(host)
    finally:
        host.stop()


if __name__ == "__main__":
    sys.exit(run_checks(main))
