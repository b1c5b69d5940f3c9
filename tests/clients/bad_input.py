#!/usr/bin/env python3
"""Bad input against a running server: a clear answer naming the place, never a 5xx, never a partial effect.

Standard library only, and no client library in between: http.client sends exactly the bytes written here.
README.md beside this file lists the environment variables.
"""

import gzip
import json
import os
import time
import zlib
from datetime import datetime, timedelta, timezone

from api import Failed, check, count, eventually, fixture, holds_for, run_checks
from raw_http import JSON_TYPE, Bench, problem, secret_call

MB = 1024 * 1024


def untouched(bench, *names):
    """Nobody of these names may exist after a refused request."""
    for name in names:
        if bench.api.find("userId", bench.user(name)) is not None:
            raise Failed(f"a refused request had an effect: {name} exists")
    check(True, f"no partial effect: nobody was created ({', '.join(names)})")


def malformed_bodies(bench):
    """Bytes that are no JSON, or JSON of another shape."""
    good = json.dumps(bench.track("prefix"))
    bodies = {
        "an empty body": b"",
        "no JSON": b"hello",
        "JSON cut off": f'{{"batch":[{good}'.encode(),
        "a trailing comma": f'{{"batch":[{good},]}}'.encode(),
        "text after the JSON": f'{{"batch":[{good}]}} x'.encode(),
        "bytes that are not UTF-8": b'{"batch":[{"type":"track","userId":"\xff\xfe","event":"x"}]}',
        "batch is a string": b'{"batch":"x"}',
        "batch is an object": f'{{"batch":{good}}}'.encode(),
        "batch is null": b'{"batch":null}',
        "no batch": b"{}",
        "a top-level number": b"42",
        "a top-level null": b"null",
    }
    for text, body in bodies.items():
        problem(bench.post("/v1/batch", body), (400,), text)
    cut_off = bench.post("/v1/batch", bodies["JSON cut off"])[2]["detail"]
    check(any(letter.isdigit() for letter in cut_off), "the detail says where the JSON stops making sense", cut_off)
    problem(bench.post("/v1/track", b"{"), (400,), "malformed JSON on a single call")
    problem(bench.post("/v1/batch", b"not gzip", headers={"Content-Encoding": "gzip"}), (400,), "gzip announced, not gzip sent")
    short = gzip.compress(f'{{"batch":[{good}]}}'.encode())[:-12]
    problem(bench.post("/v1/batch", short, headers={"Content-Encoding": "gzip"}), (400,), "gzip cut off")
    problem(bench.post("/v1/batch", b"{}", headers={"Content-Encoding": "br"}), (400, 415), "an unknown content encoding")
    untouched(bench, "prefix")


def oversized_bodies(bench):
    """Bodies that are too large as sent, or become too large when unpacked."""
    event = bench.track("large", properties={"filler": "x" * (5 * MB)})
    problem(bench.post("/v1/batch", json.dumps({"batch": [event]}).encode()), (400, 413), "a body of 5 MB")
    many = [bench.track("large", properties={"filler": "x" * 20000})] * 250
    problem(bench.post("/v1/batch", json.dumps({"batch": many}).encode()), (400, 413), "5 MB of ordinary events")
    packed = bomb(json.dumps(bench.track("large")).encode(), 200)
    size = f"{len(packed) / 1024:.0f} KB"
    started = time.monotonic()
    problem(bench.post("/v1/batch", packed, headers={"Content-Encoding": "gzip"}), (400, 413), f"a gzip bomb, {size} for 200 MB")
    problem(bench.post("/v1/batch", gzip.compress(packed), headers={"Content-Encoding": "gzip"}), (400, 413), "gzip in gzip")
    check(time.monotonic() - started < 10, "gzip bombs are refused at the limit, not after unpacking all of it")
    untouched(bench, "large")


def bomb(event, megabytes):
    """A gzip body of one good event and `megabytes` of filler, made without ever holding the filler whole."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    parts = [packer.compress(b'{"batch":[' + event + b'],"filler":"')]
    parts += [packer.compress(b"x" * MB) for _ in range(megabytes)]
    return b"".join([*parts, packer.compress(b'"}'), packer.flush()])


def deep_nesting(bench):
    """10,000 levels: a parser that recurses would end the process."""
    deep = '{"a":' * 10000 + "1" + "}" * 10000
    arrays = "[" * 10000 + "]" * 10000
    event = json.dumps(bench.track("odd", properties="HERE"))
    for text, body in {"10,000 open arrays": "[" * 10000, "10,000 objects": deep}.items():
        problem(bench.post("/v1/batch", body.encode()), (400,), text)
    # These two are lists with one element that is no event: the body may be taken, the element may not.
    for text, body in {"10,000 arrays": arrays, "10,000 arrays as the batch": f'{{"batch":{arrays}}}'}.items():
        found = bench.post("/v1/batch", body.encode())
        if found[0] == 200:
            check(found[2] == {"success": True}, f"{text}: 200, the element goes to the dead letters", found[2])
        else:
            problem(found, (400,), text)
    odd = {
        "properties 10,000 objects deep": deep,
        "properties 10,000 arrays deep": arrays,
        "a number no float can hold": '{"n":1e999}',
        "half a surrogate pair": '{"n":"\\ud800"}',
    }
    for text, value in odd.items():
        body = ('{"batch":[' + event.replace('"HERE"', value) + "]}").encode()
        refused_or_dead(bench, bench.post("/v1/batch", body), f"{bench.run}-odd", text)
    untouched(bench, "odd")
    for path in ("/v1/segments", "/v1/journeys"):
        body = f'{{"name":"deep {bench.run}","condition":{deep},"definition":{deep}}}'.encode()
        problem(secret_call(bench, "POST", path, body), (400, 422), f"10,000 levels in {path}")


def refused_or_dead(bench, found, message_id, text):
    """A bad event may be refused with its body (400) or taken out of the batch (200): then it is a dead letter."""
    if found[0] != 200:
        problem(found, (400,), text)
        return
    eventually(f"{text}: in the dead letters", lambda: bench.api.dead_letters(message_id))
    check(True, f"{text}: 200, and in the dead letters")


def one_bad_event(bench):
    """An invalid event does not sink its batch: the others count, it is a dead letter with its reason."""
    bad = {
        "no identifier": {"userId": None},
        "blocked identifiers": {"userId": "0", "anonymousId": "unknown"},
        "userId is an object": {"userId": {"id": 1}},
        "no event name": {"event": None},
        "event is true": {"event": True},
        "properties is a list": {"properties": [1, 2]},
        "an unknown type": {"type": "purchase"},
        "a timestamp that is none": {"timestamp": "yesterday"},
        "a timestamp out of the calendar": {"timestamp": "2026-02-30T00:00:00Z"},
        "alias without previousId": {"type": "alias"},
        "an event of 40 KB": {"properties": {"filler": "x" * 40000}},
    }
    events = [bench.track("before")]
    ids = {}
    for number, (text, fields) in enumerate(bad.items()):
        ids[text] = f"{bench.run}-bad-{number:02}"
        events.append({**bench.track("sunk"), **fields, "messageId": ids[text]})
    events += ["a string, no event", bench.track("after")]
    bench.batch(*events)
    for name in ("before", "after"):
        profile = eventually(f"the good event {name} counts", lambda name=name: bench.api.find("userId", bench.user(name)))
        found = eventually("its event", lambda profile=profile: bench.api.events(profile))
        check(count(found, f"Bad Input {bench.run}") == 1, f"the good event {name} the bad ones counts once", found)
    for text, message_id in ids.items():
        rows = eventually(f"{text}: in the dead letters", lambda message_id=message_id: bench.api.dead_letters(message_id))
        reason = rows[0].get("reason") or rows[0].get("code")
        check(len(rows) == 1 and bool(reason), f"{text}: one dead letter, its reason: {reason}", rows)
    untouched(bench, "sunk")
    for text in ("no identifier", "no event name"):
        event = {**bench.track("single"), **bad[text], "messageId": f"{ids[text]}-single"}
        found = bench.post("/v1/track", json.dumps(event).encode())
        check(found[0] == 200 and found[2] == {"success": True}, f"{text}, on a single call: 200, as in a batch", found[2])
    untouched(bench, "single")


def keys(bench):
    """Keys that are missing, unknown, of another kind or revoked."""
    body = json.dumps({"batch": [bench.track("keyless")]}).encode()
    problem(bench.send("POST", "/v1/batch", body, JSON_TYPE), (401,), "no key at all")
    problem(bench.post("/v1/batch", body, key="wk_unknown"), (401,), "an unknown write key")
    problem(bench.post("/v1/batch", body, key="\u00e9" * 3000), (400, 401), "a write key of 6 KB")
    problem(bench.send("POST", "/v1/batch", body, {"Authorization": "Basic %%%", **JSON_TYPE}), (401,), "Basic that is no base64")
    in_body = json.dumps({"batch": [bench.track("keyless")], "writeKey": "wk_unknown"}).encode()
    problem(bench.send("POST", "/v1/batch", in_body, JSON_TYPE), (401,), "an unknown write key in the body")
    for path in ("/v1/segments/seg_unknown", "/v1/dead-letters", "/v1/profiles/lookup?key=userId:x"):
        problem(secret_call(bench, "GET", path, key=""), (401,), f"an empty secret key on {path}")
        problem(secret_call(bench, "GET", path, key="rb_sk_unknown"), (401,), f"an unknown secret key on {path}")
        problem(secret_call(bench, "GET", path, key=bench.write_key), (401, 403), f"a write key where a secret key belongs, {path}")
    revoked_keys(bench, body)
    untouched(bench, "keyless")


def revoked_keys(bench, body):
    """Keys that were good once; whoever starts the server makes and revokes them."""
    write_key, secret_key = os.environ.get("ROADBOOK_REVOKED_WRITE_KEY"), os.environ.get("ROADBOOK_REVOKED_SECRET_KEY")
    if write_key:
        problem(bench.post("/v1/batch", body, key=write_key), (401,), "a revoked write key")
    else:
        skip("a revoked write key", "ROADBOOK_REVOKED_WRITE_KEY is not set")
    if secret_key:
        problem(secret_call(bench, "GET", "/v1/dead-letters", key=secret_key), (401,), "a revoked secret key")
    else:
        skip("a revoked secret key", "ROADBOOK_REVOKED_SECRET_KEY is not set")


def skip(text, reason):
    """Says what is not checked and why; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        raise Failed(f"{text}: skipped, because {reason}")
    print(f"skip  {text}: {reason}", flush=True)


def other_tenant(bench):
    """Ids and identifiers of another tenant are unknown here, in the same words as ids nobody has."""
    other_key = os.environ.get("ROADBOOK_OTHER_SECRET_KEY")
    if not other_key:
        skip("another tenant's ids", "ROADBOOK_OTHER_SECRET_KEY is not set")
        return
    bench.batch(bench.track("ours"))
    profile = eventually("our profile", lambda: bench.api.find("userId", bench.user("ours")))
    segment = bench.api.publish_segment(fixture("segment_twice.json", run=bench.run))
    journey = bench.api.publish_journey(fixture("journey_trait.json", run=bench.run, wait="PT2S"))
    for method, path in (
        ("GET", f"/v1/profiles/{profile}"),
        ("GET", f"/v1/profiles/{profile}/timeline"),
        ("GET", f"/v1/profiles/lookup?key=userId:{bench.user('ours')}"),
        ("GET", f"/v1/segments/{segment}"),
        ("GET", f"/v1/segments/{segment}/stats"),
        ("POST", f"/v1/segments/{segment}/publish"),
        ("GET", f"/v1/journeys/{journey}"),
        ("GET", f"/v1/journeys/{journey}/stats"),
        ("POST", f"/v1/journeys/{journey}/publish"),
    ):
        problem(secret_call(bench, method, path, key=other_key), (404,), f"another tenant: {method} {path.split(bench.run)[0]}")
    found = secret_call(bench, "GET", "/v1/dead-letters?limit=200", key=other_key)
    check(found[0] == 200 and bench.run not in json.dumps(found[2]), "another tenant sees none of our dead letters")


def ids_of_no_one(bench):
    """Ids that are malformed, or well formed and nobody's."""
    unknown = {"profiles": "cus_00000000000000000000000000", "segments": "seg_00000000000000000000000000",
               "journeys": "jrn_00000000000000000000000000"}
    for kind, name in unknown.items():
        for text in (name, "x", "%00", "..%2f..%2fetc", "seg_" + "a" * 5000):
            problem(secret_call(bench, "GET", f"/v1/{kind}/{text}"), (400, 404), f"/v1/{kind}/{text[:32]}")
    for key in ("", "userId", "userId:", ":x", "nosuchkind:x", "phone:not-a-phone"):
        problem(secret_call(bench, "GET", f"/v1/profiles/lookup?key={key}"), (400, 404, 422), f"lookup of {key!r}")
    problem(secret_call(bench, "GET", "/v1/profiles/lookup"), (400, 422), "lookup without a key")
    problem(secret_call(bench, "GET", "/v1/dead-letters?limit=-1"), (400, 422), "a page of -1 rows")
    problem(secret_call(bench, "GET", "/v1/dead-letters?cursor=nonsense"), (400, 422), "a cursor nobody gave out")
    problem(secret_call(bench, "GET", "/v1/no-such-place"), (404,), "a path that does not exist")
    problem(secret_call(bench, "DELETE", "/v1/batch"), (404, 405), "a method that does not exist")


def invalid_definitions(bench):
    """Segments and journeys that mean nothing are refused when saved, and the error points at the place."""
    cases = fixture("invalid_definitions.json", run=bench.run)
    for path, rows in (("/v1/segments", cases["segments"]), ("/v1/journeys", cases["journeys"])):
        for row in rows:
            body = json.dumps(row["body"]).encode()
            found = secret_call(bench, "POST", path, body)
            problem(found, (400, 422), f"{path}, {row['why']}", row["pointer"])
        for text, body in {"no JSON": b"{", "an empty object": b"{}", "a list": b"[]", "5 MB": b'{"name":"' + b"x" * (5 * MB) + b'"}'}.items():
            problem(secret_call(bench, "POST", path, body), (400, 413, 422), f"{path}, {text}")
        status, _, listed = secret_call(bench, "GET", path + "?limit=200")
        if status == 200:
            check(f"invalid {bench.run}" not in json.dumps(listed), f"{path}: none of the refused was saved")


def timestamps(bench):
    """Events of 1970 and 2035 are taken, and what time it is stays what it was."""
    recent = bench.api.publish_segment(fixture("segment_recent_twice.json", run=bench.run))
    journey = bench.api.publish_journey(fixture("journey_trait.json", run=bench.run, wait="PT2S"))
    name, user = f"Clock Check {bench.run}", bench.user("clock")
    bench.batch(
        bench.track("clock", messageId=f"{bench.run}-1970", timestamp="1970-01-01T00:00:00Z"),
        bench.track("clock", messageId=f"{bench.run}-2035", timestamp="2035-06-01T12:00:00Z"),
    )
    profile = eventually("a profile", lambda: bench.api.find("userId", user))
    found = eventually("both events", lambda: at_least_two(bench.api.events(profile)))
    check(len(found) == 2 and not bench.api.dead_letters(f"{bench.run}-1970") + bench.api.dead_letters(f"{bench.run}-2035"),
          "timestamps of 1970 and 2035 are accepted, and are no dead letters", found)
    check(any(one["at"].startswith("1970-01-01T00:00:00") for one in found), "the event of 1970 keeps its time", found)
    started = time.monotonic()
    bench.batch(bench.track("clock", messageId=f"{bench.run}-now", event=name))
    eventually("the journey is entered", lambda: bench.api.journey_stats(journey)["entered"] == 1)

    def waits():
        stats = bench.api.journey_stats(journey)
        return stats["completed"] == 0 or time.monotonic() - started >= 2, stats

    holds_for(1.5, "an event of 2035 does not end a wait of now", waits)
    eventually("the wait ends", lambda: bench.api.journey_stats(journey)["completed"] == 1, 10)
    took = time.monotonic() - started
    check(2 <= took < 10, f"a wait of 2 s takes {took:.1f} s although this customer has an event of 2035")
    recent_only(bench, profile, recent)


def at_least_two(rows):
    """The rows once there are two."""
    return rows if len(rows) >= 2 else None


def recent_only(bench, profile, segment):
    """A count over the last days leaves the event of 1970 out, and takes the one of 2035 as of its acceptance: nothing can
    have happened after it arrived."""
    check(not bench.api.in_segment(profile, segment), "the events of 1970 and 2035 are not two recent events")
    yesterday = (datetime.now(tz=timezone.utc) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    bench.batch(bench.track("clock", messageId=f"{bench.run}-r1", timestamp=yesterday))
    eventually("two recent events", lambda: bench.api.in_segment(profile, segment))
    check(True, "one of yesterday and the one of 2035, taken as of its acceptance, are")


def still_well(bench):
    """After all of that the server still takes and shows a good event."""
    status, _, _ = bench.send("GET", "/healthz", b"", {})
    check(status == 200, "/healthz is still 200")
    bench.batch(bench.track("last"))
    eventually("a good event still counts", lambda: bench.api.find("userId", bench.user("last")))
    check(True, "a good event still counts")


def main():
    bench = Bench()
    for part in (malformed_bodies, oversized_bodies, deep_nesting, one_bad_event, keys, ids_of_no_one, invalid_definitions,
                 other_tenant, timestamps, still_well):
        part(bench)


if __name__ == "__main__":
    run_checks(main)
