"""Tests of the oracle itself, on files small enough to check by hand.

    python3 -m unittest discover -s tests/oracle
"""

import contextlib
import io
import json
import random
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cdnow

HEADER = " customer_id  date number_of_cds  dollar_value\r\n"
UNTIL = cdnow.moment(cdnow.UNTIL)
START = datetime(1997, 1, 1, tzinfo=timezone.utc)


def answer(*rows, until=cdnow.UNTIL):
    """The oracle's answer to a file of these rows."""
    lines = [HEADER, *(f" {row}\r\n" for row in rows)]
    return cdnow.expected(cdnow.read_purchases(lines), cdnow.moment(until))


def walk(days, last_day):
    """The rule once more, as a clock that visits every day: purchases first, then what is due.

    Deliberately another construction than the oracle's, which looks at gaps and has no clock.
    """
    silence_ends = goal_ends = None
    messages, goals = [], []
    for day in range(last_day + 1):
        if day in days:
            if goal_ends is not None and day <= goal_ends:
                goals.append(day)
            silence_ends, goal_ends = day + 180, None
        if silence_ends == day:
            messages.append(day)
            silence_ends, goal_ends = None, day + 30
    return messages, goals


class Rule(unittest.TestCase):
    def one(self, *dates, until=cdnow.UNTIL):
        found = answer(*(f"00001 {date} 1 10.00" for date in dates), until=until)["customers"]["00001"]
        return found["messages"], found["goals"]

    def test_silence_of_180_days_sends_one_message_at_midnight(self):
        self.assertEqual(self.one("19970101"), (["1997-06-30T00:00:00Z"], []))

    def test_purchase_exactly_180_days_later_cancels_the_message(self):
        self.assertEqual(self.one("19970101", "19970630"), (["1997-12-27T00:00:00Z"], []))

    def test_purchase_181_days_later_is_a_goal(self):
        self.assertEqual(
            self.one("19970101", "19970701"),
            (["1997-06-30T00:00:00Z", "1997-12-28T00:00:00Z"], ["1997-07-01T00:00:00Z"]),
        )

    def test_goal_on_the_thirtieth_day_counts_and_on_the_next_does_not(self):
        self.assertEqual(self.one("19970101", "19970730")[1], ["1997-07-30T00:00:00Z"])
        self.assertEqual(self.one("19970101", "19970731")[1], [])

    def test_a_purchase_after_the_goal_window_still_starts_a_new_silence(self):
        self.assertEqual(self.one("19970101", "19970731")[0], ["1997-06-30T00:00:00Z", "1998-01-27T00:00:00Z"])

    def test_only_the_first_purchase_after_a_message_is_its_goal(self):
        self.assertEqual(self.one("19970101", "19970701", "19970702")[1], ["1997-07-01T00:00:00Z"])

    def test_until_is_included(self):
        self.assertEqual(self.one("19970101", until="1997-06-30T00:00:00Z")[0], ["1997-06-30T00:00:00Z"])
        self.assertEqual(self.one("19970101", until="1997-06-29T23:59:59Z")[0], [])

    def test_purchases_after_until_are_not_seen(self):
        self.assertEqual(self.one("19970101", "19970701", until="1997-06-30T23:59:59Z")[1], [])

    def test_equal_to_a_day_by_day_clock_on_drawn_histories(self):
        draw = random.Random(20260101)
        last_day = (UNTIL - START).days
        for _ in range(3000):
            gaps = draw.choices([0, 1, 30, 179, 180, 181, 209, 210, 211, 212, draw.randrange(1, 400)], k=draw.randrange(1, 6))
            days = [draw.randrange(0, 40)]
            for gap in gaps:
                days.append(days[-1] + gap)
            days = [day for day in days if day <= last_day]
            moments = [START + timedelta(days=day) for day in days]
            messages, goals = cdnow.messages_and_goals(moments, UNTIL)
            found = [(at - START).days for at in messages], [(at - START).days for at in goals]
            self.assertEqual(found, walk(set(days), last_day), days)


class Values(unittest.TestCase):
    def test_exact_repeats_are_two_orders_but_one_silence(self):
        found = answer("00001 19970101 2 19.99", "00001 19970101 2 19.99")["customers"]["00001"]
        self.assertEqual(found["messages"], ["1997-06-30T00:00:00Z"])
        self.assertEqual(
            found["traits"],
            {"orders": 2, "cds": 4, "spent_cents": 3998, "first_purchase": "1997-01-01", "last_purchase": "1997-01-01"},
        )

    def test_rows_out_of_order_give_the_same_answer(self):
        rows = ["00001 19970301 1 1.00", "00001 19970101 1 2.00", "00002 19970101 3 0.00"]
        self.assertEqual(answer(*rows), answer(*reversed(rows)))

    def test_totals(self):
        found = answer("00001 19970101 1 11.77", "00002 19970112 1 12.00", "00002 19980601 5 77.00")
        self.assertEqual(
            found["totals"],
            {"events": 3, "customers": 2, "messages": 2, "goals": 0, "customers_messaged": 2, "cds": 7, "spent_cents": 10077},
        )

    def test_money_is_exact(self):
        self.assertEqual([cdnow.cents(text) for text in ("0.29", "1.1", "7", "123456789012345678.01")],
                         [29, 110, 700, 12345678901234567801])
        for text in ("", ".5", "1.", "1.234", "-1", "1e3", "1,00", "NaN", "\u0661"):
            with self.assertRaises(ValueError, msg=text):
                cdnow.cents(text)

    def test_a_bad_row_names_its_line_and_column(self):
        for row, place in (("00001 19970230 1 1.00", "line 2, date"), ("00001 1997-1-1 1 1.00", "line 2, date"),
                           ("00001 19970101 x 1.00", "line 2, number_of_cds"), ("00001 19970101 1", "line 2: 3 columns")):
            with self.assertRaisesRegex(cdnow.BadRow, place):
                answer(row)

    def test_a_missing_header_is_refused(self):
        with self.assertRaisesRegex(cdnow.BadRow, "line 1"):
            list(cdnow.read_purchases(["00001 19970101 1 1.00"]))


class Compare(unittest.TestCase):
    def setUp(self):
        self.answer = answer("00001 19970101 1 11.77", "00002 19970112 1 12.00")
        # A copy through JSON: spoiling a row must not spoil the answer it is compared with.
        self.rows = [{"user_id": name, **one} for name, one in json.loads(json.dumps(self.answer["customers"])).items()]

    def compare(self):
        """Runs the comparison; returns its exit code and what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = cdnow.compare(self.answer, [json.dumps(row) for row in self.rows])
        return code, printed.getvalue()

    def test_equal_in_any_order_and_with_fractions_of_a_second(self):
        self.rows.reverse()
        self.rows[0]["messages"] = [text.replace("Z", ".000Z") for text in self.rows[0]["messages"]]
        self.assertEqual(self.compare()[0], 0)

    def test_every_kind_of_difference_is_seen(self):
        cases = {
            "messages expected": lambda rows: rows[0]["messages"].append("1998-01-01T00:00:00Z"),
            "found ['1997-06-30T00:00:00.001Z']": lambda rows: rows[0].update(messages=["1997-06-30T00:00:00.001Z"]),
            "goals cannot be read": lambda rows: rows[0].pop("goals"),
            "names no offset": lambda rows: rows[0].update(messages=["1997-06-30T00:00:00"]),
            "trait cds expected 1, found 1.0": lambda rows: rows[0]["traits"].update(cds=1.0),
            "trait orders expected 1, found True": lambda rows: rows[0]["traits"].update(orders=True),
            "trait spent_cents expected 1177, found None": lambda rows: rows[0]["traits"].pop("spent_cents"),
            "traits missing": lambda rows: rows[0].pop("traits"),
            "appears a second time": lambda rows: rows.append(rows[0]),
            "in the export, not in the file": lambda rows: rows.append({**rows[0], "user_id": "99999"}),
            "in the file, not in the export": lambda rows: rows.pop(),
            "not a customer with a user_id": lambda rows: rows.append(["no object"]),
        }
        for expected, spoil in cases.items():
            with self.subTest(expected):
                self.setUp()
                spoil(self.rows)
                code, printed = self.compare()
                self.assertEqual(code, 1)
                self.assertIn(expected, printed)

    def test_only_the_first_ten_are_printed(self):
        self.rows = [{"user_id": f"extra-{number}"} for number in range(30)]
        code, printed = self.compare()
        self.assertEqual((code, printed.count("differs: ")), (1, 10))
        self.assertIn("32 differences", printed)

    def test_the_command_line_reads_both_files(self):
        with tempfile.TemporaryDirectory() as folder:
            purchases, export = Path(folder, "purchases.txt"), Path(folder, "export.jsonl")
            purchases.write_text(HEADER + " 00001 19970101 1 11.77\r\n", encoding="ascii")
            export.write_text(json.dumps(self.rows[0]) + "\n", encoding="utf-8")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                self.assertEqual(cdnow.main(["--file", str(purchases), "--compare", str(export)]), 0)
                self.assertEqual(cdnow.main(["--file", str(Path(folder, "absent"))]), 2)


if __name__ == "__main__":
    unittest.main()
