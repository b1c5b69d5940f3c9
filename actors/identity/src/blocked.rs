//! THE table of values that identify nobody, each with its reason. A customer founded on one of these would swallow
//! everybody who ever sent it. To block a value: add its row here, and one to the test below.

use crate::Kind;

/// Which kinds a row is for.
#[derive(Clone, Copy)]
enum On {
    Every,
    Only(Kind),
}

const ABSENT: &str = "it is how a program writes an absent value";
const PLACEHOLDER: &str = "it stands for nobody in particular";
const TRYING: &str = "it is what people type to try something out";
const UNFILLED: &str = "it is the name of a field that was never filled in";
const SHARED_DEVICE: &str = "many devices report this same id";
const FORM_FILLER: &str = "people type it to get past a form";

/// Whole values in lower case, compared with the trimmed value without regard to case.
const VALUES: &[(On, &str, &str)] = &[
    (On::Every, "null", ABSENT),
    (On::Every, "(null)", ABSENT),
    (On::Every, "<null>", ABSENT),
    (On::Every, "nil", ABSENT),
    (On::Every, "none", ABSENT),
    (On::Every, "undefined", ABSENT),
    (On::Every, "nan", ABSENT),
    (On::Every, "n/a", ABSENT),
    (On::Every, "na", ABSENT),
    (On::Every, "not set", ABSENT),
    (On::Every, "(not set)", ABSENT),
    (On::Every, "[object object]", ABSENT),
    (On::Every, "{}", ABSENT),
    (On::Every, "[]", ABSENT),
    (On::Every, "\"\"", ABSENT),
    (On::Every, "''", ABSENT),
    (On::Every, "-", ABSENT),
    (On::Every, "-1", ABSENT),
    (On::Every, "true", "it is a truth value"),
    (On::Every, "false", "it is a truth value"),
    (On::Every, "unknown", PLACEHOLDER),
    (On::Every, "anonymous", PLACEHOLDER),
    (On::Every, "guest", PLACEHOLDER),
    (On::Every, "visitor", PLACEHOLDER),
    (On::Every, "default", PLACEHOLDER),
    (On::Every, "admin", "several people share this account"),
    (On::Every, "test", TRYING),
    (On::Every, "tester", TRYING),
    (On::Every, "demo", TRYING),
    (On::Every, "id", UNFILLED),
    (On::Every, "user_id", UNFILLED),
    (On::Every, "userid", UNFILLED),
    (On::Every, "anonymous_id", UNFILLED),
    (On::Every, "anonymousid", UNFILLED),
    (On::Every, "distinct_id", UNFILLED),
    (On::Every, "openid", UNFILLED),
    (On::Every, "unionid", UNFILLED),
    (On::Every, "phone", UNFILLED),
    (On::Every, "email", UNFILLED),
    (On::Only(Kind::Device), "02:00:00:00:00:00", "Android answers this to everybody who asks for the MAC address"),
    (On::Only(Kind::Device), "020000000000", "Android answers this to everybody who asks for the MAC address"),
    (On::Only(Kind::Device), "9774d56d682e549c", SHARED_DEVICE),
    (On::Only(Kind::Device), "012345678912345", SHARED_DEVICE),
    (On::Only(Kind::Device), "ffffffff-ffff-ffff-ffff-ffffffffffff", SHARED_DEVICE),
    (On::Only(Kind::Email), "test@test.com", FORM_FILLER),
    (On::Only(Kind::Email), "a@a.com", FORM_FILLER),
    (On::Only(Kind::Email), "none@none.com", FORM_FILLER),
    (On::Only(Kind::Email), "123@qq.com", FORM_FILLER),
    (On::Only(Kind::Email), "123456@qq.com", FORM_FILLER),
];

/// The longest of them in bytes: what is longer need not be compared.
const VALUE_LONGEST: usize = 36;

/// Local parts of e-mail addresses behind which nobody reads, or a whole team does.
const MAILBOXES: &[(&str, &str)] = &[
    ("noreply", "nobody reads this mailbox"),
    ("no-reply", "nobody reads this mailbox"),
    ("donotreply", "nobody reads this mailbox"),
    ("mailer-daemon", "a mail server answers from it"),
    ("postmaster", "a mail server answers from it"),
];

/// Numbers that are no person's, as dialled inside China: what they begin with, how many digits they have, the reason.
/// The first row that fits counts.
const CHINA: &[(&str, std::ops::RangeInclusive<usize>, &str)] = &[
    ("400", 10..=10, "400 numbers belong to companies"),
    ("800", 10..=10, "800 numbers belong to companies"),
    ("95", 5..=8, "95 numbers belong to banks, airlines and other companies"),
    ("96", 5..=8, "96 numbers belong to regional services"),
    ("1", 3..=8, "short numbers such as 110, 10086 and 12315 are public services"),
    ("0", 10..=12, "a landline is shared by a household or a company"),
    ("", 7..=8, "a landline is shared by a household or a company"),
];

/// The same for other countries, country code first.
const ABROAD: &[(&str, std::ops::RangeInclusive<usize>, &str)] = &[
    ("800", 11..=11, "international freephone numbers belong to companies"),
    ("808", 11..=11, "international shared-cost numbers belong to companies"),
    ("979", 12..=12, "international premium-rate numbers belong to companies"),
    ("1800", 11..=11, "toll-free numbers belong to companies"),
    ("1833", 11..=11, "toll-free numbers belong to companies"),
    ("1844", 11..=11, "toll-free numbers belong to companies"),
    ("1855", 11..=11, "toll-free numbers belong to companies"),
    ("1866", 11..=11, "toll-free numbers belong to companies"),
    ("1877", 11..=11, "toll-free numbers belong to companies"),
    ("1888", 11..=11, "toll-free numbers belong to companies"),
];

/// Why a trimmed value is blocked for every kind, if it is.
pub(crate) fn for_every_kind(value: &str) -> Option<&'static str> {
    let only_zeros = value.bytes().all(|byte| matches!(byte, b'0' | b'-' | b':')) && value.contains('0');
    if only_zeros {
        return Some("it consists of zeros, which is how a withheld id is written");
    }
    if value.starts_with("{{") || value.starts_with("${") || value.starts_with("%%") {
        return Some("it is a template that was never filled in");
    }
    reason(value, |on| matches!(on, On::Every))
}

/// Why a normal form is blocked for its own kind, if it is.
pub(crate) fn for_kind(kind: Kind, value: &str) -> Option<&'static str> {
    reason(value, |on| matches!(on, On::Only(only) if only == kind))
}

fn reason(value: &str, fits: impl Fn(On) -> bool) -> Option<&'static str> {
    if value.len() > VALUE_LONGEST {
        return None;
    }
    VALUES.iter().find(|(on, text, _)| value.eq_ignore_ascii_case(text) && fits(*on)).map(|row| row.2)
}

/// Why a mailbox is no person's, by its lower-case local part.
pub(crate) fn mailbox(local: &str) -> Option<&'static str> {
    MAILBOXES.iter().find(|(name, _)| *name == local).map(|row| row.1)
}

/// Why a number dialled inside China is no person's.
pub(crate) fn china(digits: &str) -> Option<&'static str> {
    by_prefix(CHINA, digits)
}

/// Why an international number, country code first, is no person's.
pub(crate) fn abroad(digits: &str) -> Option<&'static str> {
    by_prefix(ABROAD, digits)
}

/// Why a row of digits is obviously invented. Vanity numbers such as 138 8888 8888 are real and expensive: a tenant
/// that sees one misused blocks it for itself, see [`crate::TenantKeys::blocking`].
pub(crate) fn invented(digits: &str) -> Option<&'static str> {
    let steps = |step: u8| digits.as_bytes().windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
    if digits.len() < 7 {
        None
    } else if steps(0) {
        Some("it is one digit repeated")
    } else if steps(1) || steps(9) {
        Some("its digits just count up or down")
    } else {
        None
    }
}

fn by_prefix(table: &[(&str, std::ops::RangeInclusive<usize>, &'static str)], digits: &str) -> Option<&'static str> {
    table.iter().find(|(begin, len, _)| digits.starts_with(begin) && len.contains(&digits.len())).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rejected, normalise};

    #[test]
    fn every_row_is_lower_case_and_refused_for_its_kinds() {
        for (on, value, why) in VALUES {
            assert!(*value == value.to_lowercase() && value.len() <= VALUE_LONGEST, "{value}");
            let kinds = match on {
                On::Every => Kind::ALL.to_vec(),
                On::Only(kind) => vec![*kind],
            };
            for kind in kinds {
                for raw in [(*value).to_owned(), value.to_uppercase(), format!(" {value}\t")] {
                    assert_eq!(normalise(kind, &raw), Err(Rejected::Blocked { why }), "{kind} {value}");
                }
            }
        }
    }

    #[test]
    fn zeros_and_templates_are_refused_in_any_form() {
        for value in ["0", "0000", "00000000-0000-0000-0000-000000000000", "00:00:00:00:00:00", "{{user.id}}", "${id}"]
        {
            for kind in Kind::ALL {
                assert_eq!(normalise(kind, value).unwrap_err().code(), "identifier_blocked", "{kind} {value}");
            }
        }
    }

    #[test]
    fn what_only_looks_blocked_is_taken() {
        for value in ["00001", "tester-7", "nullable", "1", "a guest", "100"] {
            assert_eq!(normalise(Kind::UserId, value).as_deref(), Ok(value));
        }
        assert!(normalise(Kind::UserId, "9774d56d682e549c").is_ok(), "blocked as a device only");
    }
}
