//! Phone numbers to E.164. A number without a country is read as a Chinese one.

use crate::{Rejected, blocked};

const NOT_MOBILE: Rejected = Rejected::Malformed {
    why: "expected a Chinese mobile number (11 digits from 13 to 19) or `+` and the country code",
};

/// The E.164 form of a trimmed value. Service numbers, landlines and invented numbers are blocked: they reach many
/// people or nobody.
pub(crate) fn normal(value: &str) -> Result<String, Rejected> {
    let (digits, plus) = digits(value)?;
    if let Some(why) = blocked::invented(&digits) {
        return Err(Rejected::Blocked { why });
    }
    let abroad = if plus { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    match abroad {
        Some(number) => match number.strip_prefix("86") {
            Some(national) if is_trunkless_landline(national) => china(&format!("0{national}")),
            Some(national) => china(national),
            None => other_country(number),
        },
        None => match digits.strip_prefix("86") {
            // Without a plus, 86 is a country code only in front of a whole mobile number.
            Some(national) if is_mobile(national) => china(national),
            _ => china(&digits),
        },
    }
}

/// The digits of a number, and whether a plus stood before them. Full-width forms, spaces, dashes, dots and brackets
/// between digits are how people write, and mean nothing.
fn digits(value: &str) -> Result<(String, bool), Rejected> {
    let mut digits = String::with_capacity(value.len());
    let mut plus = false;
    for char in value.chars() {
        match char {
            '0'..='9' => digits.push(char),
            '０'..='９' => digits.push((b'0' + (u32::from(char) - u32::from('０')) as u8) as char),
            '+' | '＋' if digits.is_empty() && !plus => plus = true,
            '-' | '.' | '(' | ')' | '（' | '）' | '－' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ if char.is_whitespace() => {}
            _ => return Err(Rejected::Malformed { why: "it contains other characters than a phone number has" }),
        }
    }
    Ok((digits, plus))
}

fn is_mobile(national: &str) -> bool {
    let bytes = national.as_bytes();
    bytes.len() == 11 && bytes[0] == b'1' && (b'3'..=b'9').contains(&bytes[1])
}

/// After +86 the 0 of an area code is left out: 10 is Beijing, the others begin with 2 to 9.
fn is_trunkless_landline(national: &str) -> bool {
    let area = national.starts_with("10") || matches!(national.as_bytes().first(), Some(b'2'..=b'9'));
    area && (9..=11).contains(&national.len()) && blocked::china(national).is_none()
}

fn china(national: &str) -> Result<String, Rejected> {
    // A 0 before a mobile number is an old habit of dialling to another province.
    let trunk = national.strip_prefix('0').filter(|rest| is_mobile(rest));
    let national = trunk.unwrap_or(national);
    if let Some(why) = blocked::invented(national).or_else(|| blocked::china(national)) {
        return Err(Rejected::Blocked { why });
    }
    if is_mobile(national) { Ok(format!("+86{national}")) } else { Err(NOT_MOBILE) }
}

fn other_country(number: &str) -> Result<String, Rejected> {
    if let Some(why) = blocked::invented(number).or_else(|| blocked::abroad(number)) {
        return Err(Rejected::Blocked { why });
    }
    if number.starts_with('0') || !(8..=15).contains(&number.len()) {
        return Err(Rejected::Malformed { why: "expected `+`, a country code and 8 to 15 digits in all" });
    }
    Ok(format!("+{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_become_one() {
        for raw in [
            "13800000000",
            "+8613800000000",
            "008613800000000",
            "8613800000000",
            "+86 138-0000-0000",
            "+86 (138) 0000 0000",
            "１３８００００００００",
            "＋８６　１３８　００００　００００",
            "013800000000",
            "+86013800000000",
            "138.0000.0000",
            "138–0000–0000",
        ] {
            assert_eq!(normal(raw).as_deref(), Ok("+8613800000000"), "{raw}");
        }
    }

    #[test]
    fn other_countries_need_their_code() {
        for (raw, e164) in [
            ("+852 5100 0000", "+85251000000"),
            ("0049 (151) 00000000", "+4915100000000"),
            ("+1 555 010 0000", "+15550100000"),
        ] {
            assert_eq!(normal(raw).as_deref(), Ok(e164), "{raw}");
        }
    }

    #[test]
    fn numbers_of_no_person_are_blocked() {
        for raw in [
            "400-000-0001",
            "+86 400 000 0001",
            "8000000001",
            "95500",
            "95001234",
            "10086",
            "12315",
            "110",
            "1008611",
            "010-6000 0001",
            "0755-60000001",
            "021 6000001",
            "60000001",
            "+86 21 6000 0001",
            "+86 10 6000 0001",
            "0086 755 6000 0001",
            "11111111111",
            "12345678901",
            "98765432109",
            "+800 1234 0000",
            "+1 800 555 0100",
            "+8611111111111",
        ] {
            assert_eq!(normal(raw).map_err(|error| error.code()), Err("identifier_blocked"), "{raw}");
        }
    }

    #[test]
    fn what_is_no_number_is_malformed() {
        for raw in
            ["12900000000", "1380000000", "138000000000", "phone", "138x0000000", "+4915100", "+0123456780", "1+3"]
        {
            assert_eq!(normal(raw).unwrap_err().code(), "identifier_malformed", "{raw}");
        }
        assert_eq!(normal("+4915100000000000").unwrap_err().code(), "identifier_malformed");
    }
}
