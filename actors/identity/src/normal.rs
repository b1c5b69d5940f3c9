//! Normal forms: two spellings of one identifier become one text, and what identifies nobody is turned away.

use crate::{Kind, Rejected, blocked, email, phone};
use roadbook_kernel::{
    ConflictId, CustomerId, DeadLetterId, JourneyId, MessageId, ReviewId, RunId, SegmentId, SendKey, TenantId,
};
use std::borrow::Cow;

/// Longest raw value in bytes, white space around it not counted.
pub const VALUE_BYTES_MAX: usize = 256;
/// Longest scope in bytes; appids and corp ids have 18 characters.
const SCOPE_BYTES_MAX: usize = 64;
/// Lengths of the ids that WeChat gives: 28 today, with room on both sides.
const WECHAT_ID_BYTES: std::ops::RangeInclusive<usize> = 20..=64;

/// Our own ids are never somebody's identifier: one that leaked into a tenant's system would bind strangers together.
const OUR_PREFIXES: [&str; 10] = [
    TenantId::PREFIX,
    CustomerId::PREFIX,
    JourneyId::PREFIX,
    SegmentId::PREFIX,
    RunId::PREFIX,
    MessageId::PREFIX,
    SendKey::PREFIX,
    DeadLetterId::PREFIX,
    ConflictId::PREFIX,
    ReviewId::PREFIX,
];

/// The normal form of a raw value. Normalising a normal form changes nothing.
pub fn normalise(kind: Kind, raw: &str) -> Result<Cow<'_, str>, Rejected> {
    let value = trim(raw);
    if value.is_empty() {
        return Err(Rejected::Empty);
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Rejected::TooLong);
    }
    if value.chars().any(char::is_control) {
        return Err(Rejected::Malformed { why: "it contains control characters" });
    }
    if let Some(why) = blocked::for_every_kind(value) {
        return Err(Rejected::Blocked { why });
    }
    let normal = match kind {
        Kind::Phone => Cow::Owned(phone::normal(value)?),
        Kind::Email => email::normal(value)?,
        Kind::Unionid | Kind::Openid => wechat(value)?,
        Kind::ExternalUserid => external_userid(value)?,
        Kind::UserId | Kind::CrmId | Kind::DmsId | Kind::Device | Kind::AnonymousId => foreign(value)?,
    };
    match blocked::for_kind(kind, &normal) {
        Some(why) => Err(Rejected::Blocked { why }),
        None => Ok(normal),
    }
}

/// The normal form of a scope (appid or corp id): trimmed, case kept. A placeholder counts as missing.
pub fn normalise_scope(raw: &str) -> Result<&str, Rejected> {
    let scope = trim(raw);
    if scope.is_empty() || blocked::for_every_kind(scope).is_some() {
        return Err(Rejected::MissingScope);
    }
    if scope.len() > SCOPE_BYTES_MAX || !scope.bytes().all(|byte| is_id_byte(byte) || byte == b'.') {
        return Err(Rejected::Malformed { why: "its scope must be at most 64 letters, digits, `_`, `-` or `.`" });
    }
    Ok(scope)
}

/// White space and the invisible characters that copying from a page or a spreadsheet leaves at the ends.
fn trim(raw: &str) -> &str {
    raw.trim_matches(|char: char| {
        char.is_whitespace()
            || matches!(char, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}')
    })
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn foreign(value: &str) -> Result<Cow<'_, str>, Rejected> {
    if OUR_PREFIXES.iter().any(|prefix| value.starts_with(prefix)) {
        return Err(Rejected::Malformed { why: "it begins like one of Roadbook's own ids (cus_, msg_, ...)" });
    }
    Ok(Cow::Borrowed(value))
}

fn wechat(value: &str) -> Result<Cow<'_, str>, Rejected> {
    if WECHAT_ID_BYTES.contains(&value.len()) && value.bytes().all(is_id_byte) {
        Ok(Cow::Borrowed(value))
    } else {
        Err(Rejected::Malformed { why: "expected 20 to 64 letters, digits, `_` or `-`" })
    }
}

fn external_userid(value: &str) -> Result<Cow<'_, str>, Rejected> {
    let begins = value.starts_with("wm") || value.starts_with("wo");
    if begins && (3..=64).contains(&value.len()) && value.bytes().all(is_id_byte) {
        Ok(Cow::Borrowed(value))
    } else {
        Err(Rejected::Malformed { why: "expected `wm` or `wo` and up to 62 letters, digits, `_` or `-`" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: Kind, raw: &str) -> &'static str {
        normalise(kind, raw).unwrap_err().code()
    }

    #[test]
    fn opaque_ids_are_trimmed_and_otherwise_kept() {
        for kind in [Kind::UserId, Kind::Device, Kind::AnonymousId] {
            for (raw, normal) in [(" u-1 ", "u-1"), ("\u{feff}Käufer 7\u{200b}", "Käufer 7"), ("客户7", "客户7")]
            {
                assert_eq!(normalise(kind, raw).as_deref(), Ok(normal));
            }
            assert_eq!(code(kind, " \u{3000}\t"), "identifier_empty");
            assert_eq!(code(kind, "a\u{0}b"), "identifier_malformed");
            assert_eq!(code(kind, &"x".repeat(257)), "identifier_too_long");
            assert_eq!(normalise(kind, &"x".repeat(256)).unwrap().len(), 256);
        }
    }

    #[test]
    fn our_own_ids_are_refused() {
        let ours = CustomerId::from_u128(7).to_string();
        for raw in [ours.as_str(), "tn_x", "msg_1", "snd_1"] {
            assert_eq!(code(Kind::UserId, raw), "identifier_malformed");
            assert_eq!(code(Kind::AnonymousId, raw), "identifier_malformed");
        }
    }

    #[test]
    fn wechat_and_wecom_ids_have_their_alphabet_and_length() {
        let open = "oTest_Test-Test0123456789ab";
        assert_eq!(normalise(Kind::Openid, open).as_deref(), Ok(open));
        assert_eq!(normalise(Kind::Unionid, open).as_deref(), Ok(open));
        for bad in ["oShort", "oTest Test Test Test Test", "oTestTestTestTestTest测试"] {
            assert_eq!(code(Kind::Openid, bad), "identifier_malformed", "{bad}");
        }
        for good in ["wmTest_1", "woTest-1"] {
            assert_eq!(normalise(Kind::ExternalUserid, good).as_deref(), Ok(good));
        }
        for bad in ["wxTest", "wm", "WMTest", "member-1"] {
            assert_eq!(code(Kind::ExternalUserid, bad), "identifier_malformed", "{bad}");
        }
    }

    #[test]
    fn a_scope_is_trimmed_and_never_a_placeholder() {
        assert_eq!(normalise_scope(" wxTest0 "), Ok("wxTest0"));
        for missing in ["", "  ", "null", "undefined", "0"] {
            assert_eq!(normalise_scope(missing), Err(Rejected::MissingScope));
        }
        assert_eq!(normalise_scope("wx/1").unwrap_err().code(), "identifier_malformed");
    }
}
