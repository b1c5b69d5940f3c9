//! E-mail addresses: one spelling per mailbox, as far as that can be known from outside. What stands after a `+` stays:
//! whether it is the same mailbox only its provider knows.

use crate::{Rejected, blocked};
use std::borrow::Cow;

/// Longest address a mail server can be told (RFC 5321: 256 octets with its angle brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// Longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest label of a domain name (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// The lower-case form of a trimmed value.
pub(crate) fn normal(value: &str) -> Result<Cow<'_, str>, Rejected> {
    let plain = value.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let lower = if plain { Cow::Borrowed(value) } else { Cow::Owned(lower_case(value)) };
    let (local, domain) = lower.split_once('@').ok_or(Rejected::Malformed { why: "expected one `@`" })?;
    if let Some(why) = wrong(local, domain, lower.len()) {
        return Err(Rejected::Malformed { why });
    }
    match blocked::mailbox(local) {
        Some(why) => Err(Rejected::Blocked { why }),
        None => Ok(lower),
    }
}

/// Lower case, and half-width where an input method left full-width letters.
fn lower_case(value: &str) -> String {
    let half = |char: char| match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        _ => char,
    };
    value.chars().map(half).flat_map(char::to_lowercase).collect()
}

fn wrong(local: &str, domain: &str, bytes: usize) -> Option<&'static str> {
    let forbidden = |char: char| char.is_whitespace() || char.is_control() || r#"@,;:<>()[]"\"#.contains(char);
    if bytes > ADDRESS_BYTES_MAX || local.len() > LOCAL_BYTES_MAX {
        Some("no mail server takes an address that long")
    } else if local.is_empty() || local.chars().any(forbidden) {
        Some("expected a name of letters, digits, dots and dashes before one `@`")
    } else if !domain.contains('.') || !domain.split('.').all(is_label) {
        Some("expected a domain with a dot after one `@`")
    } else {
        None
    }
}

fn is_label(label: &str) -> bool {
    let inside = |char: char| char.is_alphanumeric() || char == '-' || (!char.is_ascii() && !char.is_whitespace());
    !label.is_empty()
        && label.len() <= LABEL_BYTES_MAX
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_mailbox_become_one() {
        for raw in ["someone@example.com", "SomeOne@Example.COM", "ｓｏｍｅｏｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ"]
        {
            assert_eq!(normal(raw).as_deref(), Ok("someone@example.com"), "{raw}");
        }
        assert_eq!(normal("some.one+car@example.com").as_deref(), Ok("some.one+car@example.com"));
        assert_eq!(normal("测试@例子.example").as_deref(), Ok("测试@例子.example"));
    }

    #[test]
    fn what_is_no_mailbox_is_malformed() {
        let long = format!("{}@example.com", "x".repeat(65));
        for raw in [
            "someone",
            "@example.com",
            "someone@",
            "someone@example",
            "a@b@example.com",
            "some one@example.com",
            "someone@example..com",
            "someone@.com",
            "someone@-x.com",
            "<someone@example.com>",
            "x@exa mple.com",
            &long,
        ] {
            assert_eq!(normal(raw).unwrap_err().code(), "identifier_malformed", "{raw}");
        }
    }

    #[test]
    fn mailboxes_nobody_reads_are_blocked() {
        for raw in ["NoReply@example.com", "no-reply@example.com", "postmaster@example.com"] {
            assert_eq!(normal(raw).unwrap_err().code(), "identifier_blocked", "{raw}");
        }
    }
}
