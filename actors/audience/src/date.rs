//! Reads the two date forms of the language. A time without an offset is not a date: nobody can say which instant
//! it means.

use roadbook_kernel::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, SECOND_MS};

/// Reads `YYYY-MM-DD` (00:00 UTC) or RFC 3339 (`2024-05-01T08:30:00.250+08:00`); anything else is `None`.
/// Fractions beyond the millisecond are cut. A leap second (`:60`) is the second after `:59`.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let mut rest = Reader(text.as_bytes());
    let (year, month) = (rest.number(4)?, rest.after(b"-")?.number(2)?);
    let day = rest.after(b"-")?.number(2)?;
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * DAY_MS;
    if rest.0.is_empty() {
        return Some(Moment::from_millis(midnight));
    }
    let hour = rest.after(b"Tt ")?.number(2)?;
    let minute = rest.after(b":")?.number(2)?;
    let second = rest.after(b":")?.number(2)?;
    let millis = rest.fraction()?;
    let offset = rest.offset()?;
    if hour > 23 || minute > 59 || second > 60 || !rest.0.is_empty() {
        return None;
    }
    let time = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + millis;
    Some(Moment::from_millis(midnight + time - offset))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Exactly `digits` decimal digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (head, tail) = self.0.split_at_checked(digits)?;
        self.0 = tail;
        head.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    }

    /// Steps over one byte, if it is one of these.
    fn after(&mut self, choices: &[u8]) -> Option<&mut Self> {
        let (first, tail) = self.0.split_first()?;
        self.0 = tail;
        choices.contains(first).then_some(self)
    }

    /// Milliseconds of an optional fraction.
    fn fraction(&mut self) -> Option<i64> {
        if self.0.first() != Some(&b'.') {
            return Some(0);
        }
        let digits = self.0[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, tail) = self.0[1..].split_at(digits);
        self.0 = tail;
        let digit = |index: usize| fraction.get(index).map_or(0, |byte| i64::from(byte - b'0'));
        (digits > 0).then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    /// Milliseconds the local time is ahead of UTC.
    fn offset(&mut self) -> Option<i64> {
        let (sign, tail) = self.0.split_first()?;
        self.0 = tail;
        let sign = match sign {
            b'Z' | b'z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.number(2)?;
        let minutes = self.after(b":")?.number(2)?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * HOUR_MS + minutes * MINUTE_MS))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Days from year 0 to 1970.
    const EPOCH: i64 = 719_528;
    let leap_days_before = match year {
        0 => 0,
        // Year 0 is a leap year, hence the 1.
        _ => (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1,
    };
    let earlier_months: i64 = (1..month).map(|earlier| days_in_month(year, earlier)).sum();
    year * 365 + leap_days_before + earlier_months + day - 1 - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        let cases = [
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29", 951_782_400_000),
            ("1998-06-30T23:59:59Z", 899_251_199_000),
            ("2024-05-01T08:30:00.25+08:00", 1_714_523_400_250),
            ("2024-05-01 00:30:00.2509z", 1_714_523_400_250),
            ("2024-04-30t19:00:00-05:30", 1_714_523_400_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("0000-01-01", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Some(Moment::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_date() {
        let texts = [
            "",
            "2024",
            "2024-5-1",
            "2024-13-01",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-05-00",
            "+024-05-01",
            "2024-05-01T08:30:00",
            "2024-05-01T08:30Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T08:30:00+0800",
            "2024-05-01T08:30:00.Z",
            "2024-05-01T08:30:00Z ",
            "2024-05-01x",
            "二〇二四-05-01",
            "2024-05-01T08:30:61Z",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_count_up_one_by_one_through_all_years() {
        let mut expected = days_since_1970(0, 1, 1);
        for year in 0..=2500 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
    }
}
