//! How long a wait lasts: the part of ISO 8601 durations whose length is a number of milliseconds everywhere.
//!
//! Years and months are refused: "P1M" after 31 January is a calendar question with a zone, not a number.

use crate::fields::complain;
use roadbook_audience::Problem;
use roadbook_kernel::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// The longest wait: 20 years of which 5 are leap years. Car ownership with its warranty, loan and insurance ends
/// well before.
pub(crate) const WAIT_MS_MAX: i64 = (20 * 365 + 5) * DAY_MS;

/// Reads `PnW` or `PnDTnHnMnS` into milliseconds: whole numbers, above zero, at most [`WAIT_MS_MAX`].
pub(crate) fn parse(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<i64> {
    match read(text) {
        Ok(ms) if ms <= 0 => {
            complain(problems, at, "wait_too_short", "a duration must be longer than zero; the shortest is `PT1S`");
        }
        Ok(ms) if ms > WAIT_MS_MAX => {
            complain(problems, at, "wait_too_long", "a duration may be 20 years at most: `P7305D`");
        }
        Ok(ms) => return Some(ms),
        Err(Fault::Calendar) => complain(
            problems,
            at,
            "calendar_duration",
            "years and months have no fixed length; write them in days, as in `P365D` or `P30D`",
        ),
        Err(Fault::Shape) => complain(
            problems,
            at,
            "bad_duration",
            "write an ISO 8601 duration of whole weeks, or of days, hours, minutes and seconds: `P2W`, `P3D`, `PT30M`, `P1DT12H`",
        ),
    }
    None
}

enum Fault {
    Calendar,
    Shape,
}

/// The units in the order they may appear: before the `T`, then after it.
const DATE_UNITS: [(u8, i64); 2] = [(b'W', 7 * DAY_MS), (b'D', DAY_MS)];
const TIME_UNITS: [(u8, i64); 3] = [(b'H', HOUR_MS), (b'M', MINUTE_MS), (b'S', SECOND_MS)];

fn read(text: &str) -> Result<i64, Fault> {
    let (negative, body) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let body = body.strip_prefix('P').ok_or(Fault::Shape)?;
    let (date, time) = body.split_once('T').map_or((body, None), |(date, time)| (date, Some(time)));
    if date.contains(['Y', 'M']) {
        return Err(Fault::Calendar);
    }
    // ISO 8601 lets weeks stand alone only.
    if body.is_empty() || time == Some("") || (date.contains('W') && body.contains(['D', 'T'])) {
        return Err(Fault::Shape);
    }
    let ms = amounts(date, &DATE_UNITS)?.saturating_add(amounts(time.unwrap_or(""), &TIME_UNITS)?);
    Ok(if negative { -ms } else { ms })
}

/// Sums `12H30M`-like amounts whose units must keep their order. Saturates: what saturates is refused as too long.
fn amounts(text: &str, units: &[(u8, i64)]) -> Result<i64, Fault> {
    let mut units = units.iter();
    let (mut sum, mut amount, mut digits) = (0i64, 0i64, 0usize);
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            amount = amount.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
            digits += 1;
            continue;
        }
        let (_, unit_ms) = units.find(|(letter, _)| *letter == byte).ok_or(Fault::Shape)?;
        if digits == 0 {
            return Err(Fault::Shape);
        }
        sum = sum.saturating_add(amount.saturating_mul(*unit_ms));
        (amount, digits) = (0, 0);
    }
    if digits == 0 { Ok(sum) } else { Err(Fault::Shape) }
}

/// The shortest text [`parse`] reads back as `ms`, which must be whole seconds above zero.
pub(crate) fn shown(ms: i64) -> String {
    let mut out = String::from("P");
    let days = ms / DAY_MS;
    if days > 0 {
        out += &format!("{days}D");
    }
    let mut rest = ms % DAY_MS;
    if rest > 0 {
        out.push('T');
        for (letter, unit_ms) in TIME_UNITS {
            if rest >= unit_ms {
                out += &format!("{}{}", rest / unit_ms, char::from(letter));
            }
            rest %= unit_ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> Result<i64, &'static str> {
        let mut problems = Vec::new();
        parse(text, "/d", &mut problems).ok_or_else(|| problems[0].code)
    }

    #[test]
    fn durations_as_a_table() {
        let good = [
            ("PT30M", 30 * MINUTE_MS),
            ("P3D", 3 * DAY_MS),
            ("P2W", 14 * DAY_MS),
            ("P1DT2H3M4S", DAY_MS + 2 * HOUR_MS + 3 * MINUTE_MS + 4 * SECOND_MS),
            ("P0DT1S", SECOND_MS),
            ("PT90M", 90 * MINUTE_MS),
            ("P7305D", WAIT_MS_MAX),
        ];
        for (text, ms) in good {
            assert_eq!(code(text), Ok(ms), "{text}");
        }
        let bad = [
            ("", "bad_duration"),
            ("P", "bad_duration"),
            ("PT", "bad_duration"),
            ("P1DT", "bad_duration"),
            ("30M", "bad_duration"),
            ("PT30", "bad_duration"),
            ("PTM", "bad_duration"),
            ("PT1S2M", "bad_duration"),
            ("PT1M1M", "bad_duration"),
            ("PT0.5S", "bad_duration"),
            ("P1W1D", "bad_duration"),
            ("P1WT1H", "bad_duration"),
            ("pt30m", "bad_duration"),
            ("P１D", "bad_duration"),
            ("PT1HT1M", "bad_duration"),
            ("P1M", "calendar_duration"),
            ("P2Y", "calendar_duration"),
            ("P1Y2M3DT4H", "calendar_duration"),
            ("PT0S", "wait_too_short"),
            ("P0D", "wait_too_short"),
            ("-P1D", "wait_too_short"),
            ("P7305DT1S", "wait_too_long"),
            ("P99999999999999999999999D", "wait_too_long"),
        ];
        for (text, expected) in bad {
            assert_eq!(code(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(seconds in 1..=WAIT_MS_MAX / SECOND_MS) {
            let ms = seconds * SECOND_MS;
            prop_assert_eq!(code(&shown(ms)), Ok(ms));
        }

        #[test]
        fn any_text_has_an_answer(text in "\\PC{0,20}|-?P?[0-9WDTHMSYP.]{0,20}") {
            if let Ok(ms) = code(&text) {
                prop_assert!(ms > 0 && ms <= WAIT_MS_MAX);
            }
        }
    }
}
