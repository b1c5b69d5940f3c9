#!/usr/bin/env python3
"""An oracle for the CDNOW replay, written from the rule alone and independent of the product's code.

The rule: a customer who makes no purchase for 180 days gets one reactivation message, at the very
instant the 180 days are over. A purchase within 30 days after the message, the 30th day included,
is a goal. Every purchase starts the 180 days anew, so a customer can be messaged several times.
At one instant purchases come before timers: a purchase exactly 180 days after the last one cancels
the message, and one exactly 30 days after the message is still a goal.

Every row of the file is one purchase (rows that repeat exactly are real) and counts at 00:00 UTC.

    cdnow.py                           the whole answer as JSON on stdout
    cdnow.py --totals                  only the totals
    cdnow.py --compare EXPORT.jsonl    compare with the product's export; exit 1 when they differ
"""

import argparse
import json
import os
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

SILENCE = timedelta(days=180)
GOAL_WINDOW = timedelta(days=30)
UNTIL = "1998-06-30T23:59:59Z"
HEADER = ["customer_id", "date", "number_of_cds", "dollar_value"]
MONEY = re.compile(r"([0-9]+)(?:\.([0-9]{1,2}))?", re.ASCII)
WHOLE = re.compile(r"[0-9]+", re.ASCII)


class BadRow(ValueError):
    """A row that is not a purchase; the text names the line and the column."""


def cents(text):
    """Parses money exactly, as integer cents; no binary fraction ever takes part."""
    match = MONEY.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not an amount with at most two decimals")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def midnight(text):
    """Parses YYYYMMDD as 00:00 UTC of that day."""
    if not re.fullmatch(r"[0-9]{8}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a date of the form YYYYMMDD")
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=timezone.utc)


def whole(text):
    """Parses a count of pieces."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def rfc3339(moment):
    """Writes a moment as the export does: whole seconds, Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text):
    """Reads an RFC 3339 moment; one without an offset is refused, it would mean another instant elsewhere."""
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if value.tzinfo is None:
        raise ValueError(f"{text!r} names no offset")
    return value.astimezone(timezone.utc)


def read_purchases(lines):
    """Yields (customer, moment, pieces, cents) of every row, in the order of the file."""
    lines = iter(lines)
    header = next(lines, "").split()
    if header != HEADER:
        raise BadRow(f"line 1: expected the header {' '.join(HEADER)!r}, found {' '.join(header)!r}")
    for number, line in enumerate(lines, start=2):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != len(HEADER):
            raise BadRow(f"line {number}: {len(fields)} columns, expected {len(HEADER)}")
        row = []
        for name, parse, text in zip(HEADER, (str, midnight, whole, cents), fields):
            try:
                row.append(parse(text))
            except ValueError as error:
                raise BadRow(f"line {number}, {name}: {error}") from error
        yield tuple(row)


def messages_and_goals(moments, until):
    """What happens to one customer who purchased at these moments, seen from `until`.

    Between two neighbouring purchases everything is decided by the length of the gap, so no clock
    has to be simulated here. Several purchases at one instant start one silence.
    """
    moments = sorted(set(moments))
    messages, goals = [], []
    for index, bought in enumerate(moments):
        following = moments[index + 1] if index + 1 < len(moments) else None
        due = bought + SILENCE
        if due > until or (following is not None and following <= due):
            continue
        messages.append(due)
        if following is not None and following <= due + GOAL_WINDOW:
            goals.append(following)
    return messages, goals


def expected(purchases, until):
    """The whole answer: totals, and per customer the messages, goals and recency/frequency/money values."""
    by_customer = {}
    for customer, bought, pieces, value in purchases:
        if bought <= until:
            by_customer.setdefault(customer, []).append((bought, pieces, value))
    customers = {}
    for customer in sorted(by_customer):
        rows = by_customer[customer]
        moments = [row[0] for row in rows]
        messages, goals = messages_and_goals(moments, until)
        customers[customer] = {
            "messages": [rfc3339(at) for at in messages],
            "goals": [rfc3339(at) for at in goals],
            "traits": {
                "orders": len(rows),
                "cds": sum(row[1] for row in rows),
                "spent_cents": sum(row[2] for row in rows),
                "first_purchase": min(moments).date().isoformat(),
                "last_purchase": max(moments).date().isoformat(),
            },
        }
    return {"until": rfc3339(until), "totals": totals(customers), "customers": customers}


def totals(customers):
    """Sums over all customers; money in cents."""
    values = customers.values()
    return {
        "events": sum(one["traits"]["orders"] for one in values),
        "customers": len(customers),
        "messages": sum(len(one["messages"]) for one in values),
        "goals": sum(len(one["goals"]) for one in values),
        "customers_messaged": sum(bool(one["messages"]) for one in values),
        "cds": sum(one["traits"]["cds"] for one in values),
        "spent_cents": sum(one["traits"]["spent_cents"] for one in values),
    }


def same(want, have):
    """Equality that takes neither 1.0 nor true for 1: the export promises integers."""
    return type(want) is type(have) and want == have


def differences(answer, export_lines):
    """Yields one readable line per difference between the answer and an export (JSON lines)."""
    unseen = dict(answer["customers"])
    seen = set()
    for number, line in enumerate(export_lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            customer = row["user_id"]
        except (ValueError, KeyError, TypeError) as error:
            yield f"export line {number}: not a customer with a user_id ({error!r})"
            continue
        if customer in seen:
            yield f"export line {number}: customer {customer!r} appears a second time"
            continue
        seen.add(customer)
        want = unseen.pop(customer, None)
        if want is None:
            yield f"customer {customer!r}: in the export, not in the file"
            continue
        yield from customer_differences(customer, want, row)
    for customer in unseen:
        yield f"customer {customer!r}: in the file, not in the export"


def customer_differences(customer, want, row):
    """Yields the differences of one customer."""
    for name in ("messages", "goals"):
        try:
            have = [moment(text) for text in row[name]]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            yield f"customer {customer!r}: {name} cannot be read ({error!r})"
            continue
        if have != [moment(text) for text in want[name]]:
            yield f"customer {customer!r}: {name} expected {want[name]}, found {row[name]}"
    traits = row.get("traits")
    if not isinstance(traits, dict):
        yield f"customer {customer!r}: traits missing"
        return
    for name, value in want["traits"].items():
        if not same(value, traits.get(name)):
            yield f"customer {customer!r}: trait {name} expected {value!r}, found {traits.get(name)!r}"


def compare(answer, export_lines, shown_max=10):
    """Prints the first differences and their number; returns the exit code."""
    count = 0
    for count, text in enumerate(differences(answer, export_lines), start=1):
        if count <= shown_max:
            print(f"differs: {text}")
    if count:
        print(f"{count} differences, the first {min(count, shown_max)} are above")
        return 1
    print(f"equal to the customer: {json.dumps(answer['totals'])}")
    return 0


def default_file():
    """The data file beside the repository, or under ROADBOOK_SHARED."""
    root = Path(__file__).resolve().parents[2]
    shared = Path(os.environ.get("ROADBOOK_SHARED") or root.parent / "shared")
    return shared / "data" / "cdnow_master.txt"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Oracle for the CDNOW replay.")
    parser.add_argument("--file", type=Path, default=None, help="purchases (default: cdnow_master.txt in the shared data)")
    parser.add_argument("--until", default=UNTIL, help=f"last instant that counts (default {UNTIL})")
    parser.add_argument("--totals", action="store_true", help="print only the totals")
    parser.add_argument("--compare", type=Path, metavar="EXPORT", help="compare with an export, one JSON object per line")
    options = parser.parse_args(arguments)
    try:
        with (options.file or default_file()).open(encoding="ascii") as lines:
            answer = expected(read_purchases(lines), moment(options.until))
        if options.compare:
            with options.compare.open(encoding="utf-8") as lines:
                return compare(answer, lines)
    except (OSError, ValueError) as error:
        print(f"cdnow.py: {error}", file=sys.stderr)
        return 2
    json.dump(answer["totals"] if options.totals else answer, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
