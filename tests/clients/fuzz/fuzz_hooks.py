"""Lets requests name things that exist, and keeps the fuzzer from sawing off the branch it sits on."""

import json
import os
import re
import zlib

import schemathesis

# Ids by the step of the path they stand behind: what `fuzz.py` made before the run.
SEEDED = json.loads(os.environ["ROADBOOK_FUZZ_IDS"])
OWN_KEYS = set(SEEDED["own_keys"])
OURS = re.compile(r"^(cus|seg|jrn|dl|key)_[0-9a-hjkmnp-tv-z]+$")
# Of a made-up id nobody is found: most are replaced by one of a thing that is there.
REAL_OF = 4


def seeded(path, value):
    """An id that exists in place of a made-up one; the same one for the same value."""
    known = SEEDED["by_step"].get(path.split("/")[2])
    number = zlib.crc32(value.encode())
    if not known or number % REAL_OF == 0:
        return value
    return known[number // REAL_OF % len(known)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    identifier = (path_parameters or {}).get("id")
    # What is no id of ours was made wrong on purpose, and stays so.
    if isinstance(identifier, str) and OURS.match(identifier):
        path_parameters["id"] = seeded(context.operation.path, identifier)
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.definition.raw.get("operationId") == "revokeApiKey":
        if (case.path_parameters or {}).get("id") in OWN_KEYS:
            case.path_parameters["id"] = "key_0000000000000000"
