"""The form in which two installations are compared: every customer as the API tells them, without what may differ.

What may differ is when things happened and what they are called inside: times become the word `time`, derived ids are
numbered by their first appearance. Everything else must be equal, the order of what happened included.
"""

import difflib
import json
import re
import urllib.parse

ID = re.compile(r"\b(?:[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}|key_[0-9a-f]{16})\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
# Nobody promises an order of these; everything else is compared in the order in which it is told.
UNORDERED = {"conflicts", "identifiers", "journeys", "letters", "merged_from", "reviews", "segments", "sends", "stores",
             "together"}


def pages(api, path):
    """Every row of a list, all pages."""
    rows, cursor = [], None
    joint = "&" if "?" in path else "?"
    while True:
        after = "" if cursor is None else "&cursor=" + urllib.parse.quote(cursor, safe="")
        page = api.expect(200, "GET", f"{path}{joint}limit=200{after}")
        rows += page["data"]
        if not page["has_more"]:
            return rows
        cursor = page["next_cursor"]


def customer(api, profile_id):
    """Everything the API tells of one customer."""
    path = f"/v1/profiles/{profile_id}"
    return {
        "profile": api.profile(profile_id),
        "stages": api.expect(200, "GET", f"{path}/stages"),
        "consents": api.expect(200, "GET", f"{path}/consents"),
        "timeline": gathered(pages(api, f"{path}/timeline")),
    }


def gathered(rows):
    """The lines of a timeline by the message that caused them. An event has its producer's time and some facts that
    it caused have that of its acceptance, a moment later or in the same millisecond: their order says nothing."""
    happenings = {}
    for place, row in enumerate(rows):
        happenings.setdefault(row.get("message_id") or place, []).append(row)
    return [{"together": lines} for lines in happenings.values()]


def tenant(api, users, segments, journeys):
    """Everything the API tells of a tenant: `users` by their user id, definitions by their name."""
    found = {user: api.find("userId", user) for user in users}
    return {
        "customers": {user: customer(api, profile_id) if profile_id else None for user, profile_id in found.items()},
        "segments by name": {n: api.expect(200, "GET", f"/v1/segments/{i}/stats") for n, i in segments.items()},
        "journeys by name": {n: api.journey_stats(i) for n, i in journeys.items()},
        "sends by outcome": api.expect(200, "GET", "/v1/sends/stats")["sends"],
        "letters": pages(api, "/v1/dead-letters"),
        "conflicts": pages(api, "/v1/identity/conflicts"),
        "reviews": pages(api, "/v1/identity/reviews"),
    }


def canonical(told):
    """What was told, with times and derived ids replaced."""
    numbers = {}

    def numbered(match):
        kind = match[0].split("_")[0]
        return numbers.setdefault(match[0], f"{kind} {sum(one.startswith(kind + ' ') for one in numbers.values()) + 1}")

    return json.loads(ID.sub(numbered, json.dumps(_bare(told), ensure_ascii=False)))


def _bare(told, name=None):
    """Times replaced, and what has no order sorted by everything but its ids."""
    if isinstance(told, dict):
        return {key: _bare(told[key], key) for key in sorted(told)}
    if isinstance(told, list):
        bare = [_bare(one) for one in told]
        blank = lambda one: ID.sub("", json.dumps(one, ensure_ascii=False))  # noqa: E731
        return sorted(bare, key=blank) if name in UNORDERED else bare
    return TIME.sub("time", told) if isinstance(told, str) else told


def difference(expected, found, names):
    """The lines in which two canonical forms differ, with where they stand; empty where they do not."""
    lines = []
    for part in sorted({*expected, *found}):
        if part == "customers":
            for user in sorted({*expected[part], *found[part]}):
                lines += _unlike(f"customer {user}", expected[part].get(user), found[part].get(user), names)
        else:
            lines += _unlike(part, expected.get(part), found.get(part), names)
    return "\n".join(lines)


def _unlike(what, expected, found, names):
    shown = [json.dumps(one, indent=1, ensure_ascii=False, sort_keys=True).splitlines() for one in (expected, found)]
    return list(difflib.unified_diff(*shown, *(f"{what}, {name}" for name in names), lineterm="", n=4))
