//! RFC 3339 and [`Moment`]. Reading is lenient, as producers are; writing has one form.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use roadbook_kernel::{Moment, SECOND_MS};

/// A text that is no time. It does not hold the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a time like 2025-01-31T08:00:00Z")]
pub struct BadTime;

/// Reads a time: RFC 3339 with any offset; a space instead of the `T`; without an offset, or a date alone, it is UTC.
/// Digits alone are Unix time: 9 to 11 of them seconds, 12 to 16 milliseconds. What is finer than a millisecond is cut.
pub fn read(text: &str) -> Result<Moment, BadTime> {
    let text = text.trim();
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return unix(text);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(moment(instant));
    }
    if text.contains('[') {
        return Err(BadTime);
    }
    let civil: DateTime = text.parse().map_err(|_| BadTime)?;
    TimeZone::UTC.to_timestamp(civil).map(moment).map_err(|_| BadTime)
}

/// Writes a time as RFC 3339 in UTC, always with milliseconds, so that texts sort as times do:
/// `2025-01-31T08:00:00.000Z`. Beyond the years -9999 to 9999 it writes the last instant that has a calendar date.
pub fn write(at: Moment) -> String {
    let last = if at.millis() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    format!("{:.3}", Timestamp::from_millisecond(at.millis()).unwrap_or(last))
}

/// The instant of a [`Timestamp`], cut to the millisecond towards the past.
pub(crate) fn moment(instant: Timestamp) -> Moment {
    let whole = instant.as_second().saturating_mul(SECOND_MS);
    let rest = i64::from(instant.subsec_nanosecond()).div_euclid(1_000_000);
    Moment::from_millis(whole.saturating_add(rest))
}

fn unix(digits: &str) -> Result<Moment, BadTime> {
    let number: i64 = digits.parse().map_err(|_| BadTime)?;
    match digits.len() {
        9..=11 => Ok(Moment::from_millis(number * SECOND_MS)),
        12..=16 => Ok(Moment::from_millis(number)),
        _ => Err(BadTime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_instant() {
        let expected = Moment::from_millis(1_738_310_400_000);
        for text in [
            "2025-01-31T08:00:00Z",
            "2025-01-31T08:00:00.000Z",
            "2025-01-31t08:00:00z",
            "2025-01-31 08:00:00Z",
            "2025-01-31T16:00:00+08:00",
            "2025-01-31 08:00:00.000000+00:00",
            "2025-01-31T08:00:00.0009",
            "2025-01-31 08:00:00",
            "2025-01-31T08:00",
            " 2025-01-31T08:00:00Z ",
            "1738310400",
            "1738310400000",
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn dates_early_and_late() {
        assert_eq!(read("1970-01-01"), Ok(Moment::from_millis(0)));
        assert_eq!(read("20250131"), Ok(Moment::from_millis(1_738_281_600_000)));
        assert_eq!(read("1969-12-31T23:59:59.9995Z"), Ok(Moment::from_millis(-1)));
        assert_eq!(read("2035-01-01T00:00:00Z"), Ok(Moment::from_millis(2_051_222_400_000)));
    }

    #[test]
    fn what_is_no_time() {
        for text in
            ["", "yesterday", "2025-13-01T00:00:00Z", "2025-02-30", "0", "12345678901234567", "31/01/2025", "08:00"]
        {
            assert_eq!(read(text), Err(BadTime), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for ms in [0, -1, 1, 1_738_310_400_000, 1_738_310_400_123, -62_135_596_800_000] {
            let at = Moment::from_millis(ms);
            assert_eq!(read(&write(at)), Ok(at), "{}", write(at));
        }
        assert_eq!(write(Moment::from_millis(1_738_310_400_000)), "2025-01-31T08:00:00.000Z");
        assert_eq!(write(Moment::from_millis(1_738_310_400_050)), "2025-01-31T08:00:00.050Z");
        assert!(write(Moment::MAX).starts_with("9999-"));
    }
}
