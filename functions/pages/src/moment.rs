//! Times as people read them: on the clock of Asia/Shanghai, which is the whole country's.

use crate::language::Lang;
use jiff::{Timestamp, Zoned};

const ZONE: &str = "Asia/Shanghai";

fn local(rfc3339: &str) -> Option<Zoned> {
    rfc3339.parse::<Timestamp>().ok()?.in_tz(ZONE).ok()
}

/// Date and time to the minute; the text as it came where it is no time.
pub(crate) fn minute(rfc3339: &str, lang: Lang) -> String {
    shown(rfc3339, |_| match lang {
        Lang::Zh => "%Y-%m-%d %H:%M",
        Lang::En => "%-d %b %Y, %H:%M",
    })
}

/// The day.
pub(crate) fn day(rfc3339: &str, lang: Lang) -> String {
    shown(rfc3339, |_| match lang {
        Lang::Zh => "%Y 年 %-m 月 %-d 日",
        Lang::En => "%-d %B %Y",
    })
}

/// The time of day, to the second.
pub(crate) fn clock(rfc3339: &str) -> String {
    shown(rfc3339, |_| "%H:%M:%S")
}

fn shown(rfc3339: &str, form: impl Fn(&Zoned) -> &'static str) -> String {
    local(rfc3339).map_or_else(|| rfc3339.to_owned(), |time| time.strftime(form(&time)).to_string())
}

/// A length of time, `PT30M`, in words that stand in `texts.toml` under `unit.`: pairs of amount and unit.
pub(crate) fn duration(iso: &str) -> Vec<(u64, &'static str)> {
    let (days, time) = match iso.strip_prefix('P').map(|rest| rest.split_once('T').unwrap_or((rest, ""))) {
        Some(parts) => parts,
        None => return Vec::new(),
    };
    let mut parts = amounts(days, &[('W', "weeks"), ('D', "days")]);
    parts.extend(amounts(time, &[('H', "hours"), ('M', "minutes"), ('S', "seconds")]));
    parts
}

fn amounts(text: &str, units: &[(char, &'static str)]) -> Vec<(u64, &'static str)> {
    let (mut found, mut number) = (Vec::new(), String::new());
    for char in text.chars() {
        match units.iter().find(|(letter, _)| *letter == char) {
            Some((_, unit)) => found.extend(std::mem::take(&mut number).parse().ok().map(|amount| (amount, *unit))),
            None => number.push(char),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_shanghai() {
        let late = "2026-03-01T16:05:09.000Z";
        assert_eq!(minute(late, Lang::Zh), "2026-03-02 00:05");
        assert_eq!(minute(late, Lang::En), "2 Mar 2026, 00:05");
        assert_eq!(day(late, Lang::Zh), "2026 年 3 月 2 日");
        assert_eq!(clock(late), "00:05:09");
        assert_eq!(minute("no time", Lang::En), "no time");
        assert_eq!(duration("P1DT12H"), [(1, "days"), (12, "hours")]);
        assert_eq!(duration("PT30M"), [(30, "minutes")]);
        assert!(duration("soon").is_empty());
    }
}
