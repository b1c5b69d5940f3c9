"""Lets requests name things that exist, and keeps the fuzzer from sawing off the branch it sits on."""

import json
import os
import re
import zlib

import schemathesis

# What `fuzz.py` made before the run: ids by their prefix, and the keys the run itself stands on.
SEEDED = json.loads(os.environ["ROADBOOK_FUZZ_IDS"])
OURS = re.compile(r"^([a-z]{2,4})_[0-9a-hjkmnp-tv-z]{16,26}$")
# Of a made-up id nobody is found: of so many all but one are replaced by one of a thing that is there.
REAL_OF = 4


def seeded(value):
    """An id that exists in place of a made-up one of the same kind, and the same one for the same value."""
    kind = OURS.match(value)
    known = SEEDED["ids"].get(kind.group(1)) if kind else None
    number = zlib.crc32(value.encode(errors="replace"))
    if not known or number % REAL_OF == 0:
        return value
    return known[number // REAL_OF % len(known)]


def seeded_within(value):
    """The same for every text in a body. What is no id of ours was perhaps made wrong on purpose, and stays so."""
    if isinstance(value, str):
        return seeded(value)
    if isinstance(value, list):
        return [seeded_within(entry) for entry in value]
    if isinstance(value, dict):
        return {key: seeded_within(entry) for key, entry in value.items()}
    return value


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    parameters = path_parameters or {}
    for name, value in parameters.items():
        if not isinstance(value, str):
            continue
        parameters[name] = seeded(value)
        if name == "write_key" and zlib.crc32(value.encode(errors="replace")) % 2:
            parameters[name] = os.environ["ROADBOOK_WRITE_KEY"]
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    return seeded_within(body)


@schemathesis.hook
def map_headers(context, headers):
    # Hardly any text is an ETag of ours: with those nothing would ever be changed.
    tag = (headers or {}).get("If-Match")
    if isinstance(tag, str) and zlib.crc32(tag.encode(errors="replace")) % REAL_OF:
        headers["If-Match"] = "*"
    return headers


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters or {}
    if case.operation.definition.raw.get("operationId") == "revokeApiKey" and parameters.get("id") in SEEDED["own_keys"]:
        parameters["id"] = "key_0000000000000000"
