//! The kinds of identifiers, strongest first.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an identifier is. The order is the order of routing and of display: strongest evidence of a person first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The id the tenant's own system gave after a login.
    UserId,
    /// The customer number in the tenant's CRM.
    CrmId,
    /// The customer number in a dealer management system (DMS), per system or dealer.
    DmsId,
    /// A WeChat user across all apps bound to one open-platform account.
    Unionid,
    /// A WeCom customer, per corp.
    ExternalUserid,
    /// A WeChat user inside one mini-program or official account, per appid.
    Openid,
    /// A personal phone number in E.164.
    Phone,
    /// An e-mail address, lower-cased.
    Email,
    /// A device id (IDFA, OAID, IMEI, vendor id). Shared in families and showrooms.
    Device,
    /// What an SDK drew for a browser or an installation before anybody logged in.
    AnonymousId,
}

/// A text that names no [`Kind`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "unknown identifier kind; the kinds are user_id, crm_id, dms_id, unionid, external_userid, openid, phone, email, device and anonymous_id"
)]
pub struct UnknownKind;

impl Kind {
    /// Every kind, strongest first.
    pub const ALL: [Kind; 10] = [
        Kind::UserId,
        Kind::CrmId,
        Kind::DmsId,
        Kind::Unionid,
        Kind::ExternalUserid,
        Kind::Openid,
        Kind::Phone,
        Kind::Email,
        Kind::Device,
        Kind::AnonymousId,
    ];

    /// The byte this kind has in stored keys and in hashes. It is on disk: never change one. Gaps, so that a kind may
    /// come between and bytes still sort as kinds do.
    pub const fn byte(self) -> u8 {
        match self {
            Kind::UserId => 10,
            Kind::CrmId => 12,
            Kind::DmsId => 14,
            Kind::Unionid => 20,
            Kind::ExternalUserid => 30,
            Kind::Openid => 40,
            Kind::Phone => 50,
            Kind::Email => 60,
            Kind::Device => 70,
            Kind::AnonymousId => 80,
        }
    }

    /// Reads [`Kind::byte`] back.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    /// The name in JSON and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::UserId => "user_id",
            Kind::CrmId => "crm_id",
            Kind::DmsId => "dms_id",
            Kind::Unionid => "unionid",
            Kind::ExternalUserid => "external_userid",
            Kind::Openid => "openid",
            Kind::Phone => "phone",
            Kind::Email => "email",
            Kind::Device => "device",
            Kind::AnonymousId => "anonymous_id",
        }
    }

    /// Names a thing people share or pass on, not a person: it never merges two known people, and a customer who has
    /// only such identifiers is not known.
    pub const fn is_weak(self) -> bool {
        matches!(self, Kind::Device | Kind::AnonymousId)
    }

    /// Means something only together with a scope: the appid of an openid, the corp of an external_userid, the system
    /// or dealer of a DMS number.
    pub const fn is_scoped(self) -> bool {
        matches!(self, Kind::Openid | Kind::ExternalUserid | Kind::DmsId)
    }

    /// The kind this one hangs on: where both came in one event and the parent is unbound, the child goes with it. A
    /// WeChat user who unbinds their account takes the ids that account has in apps and corps along.
    pub const fn parent(self) -> Option<Kind> {
        match self {
            Kind::Openid | Kind::ExternalUserid => Some(Kind::Unionid),
            Kind::UserId
            | Kind::CrmId
            | Kind::DmsId
            | Kind::Unionid
            | Kind::Phone
            | Kind::Email
            | Kind::Device
            | Kind::AnonymousId => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads the name of a kind, also in the spellings that SDKs and other platforms use (`userId`, `externalUserId`,
    /// `union_id`): case and separators do not count.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let mut plain = [0u8; 16];
        let mut len = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ' | b'$')) {
            *plain.get_mut(len).ok_or(UnknownKind)? = byte.to_ascii_lowercase();
            len += 1;
        }
        match &plain[..len] {
            b"userid" => Ok(Kind::UserId),
            b"crmid" | b"crmno" | b"crmnumber" => Ok(Kind::CrmId),
            b"dmsid" | b"dmsno" | b"dmsnumber" => Ok(Kind::DmsId),
            b"unionid" => Ok(Kind::Unionid),
            b"externaluserid" => Ok(Kind::ExternalUserid),
            b"openid" => Ok(Kind::Openid),
            b"phone" | b"mobile" | b"phonenumber" => Ok(Kind::Phone),
            b"email" => Ok(Kind::Email),
            b"device" | b"deviceid" | b"idfa" | b"idfv" | b"oaid" | b"imei" | b"androidid" => Ok(Kind::Device),
            b"anonymousid" | b"anonymous" => Ok(Kind::AnonymousId),
            _ => Err(UnknownKind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_names_read_back_and_sort_as_kinds() {
        for pair in Kind::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].byte() < pair[1].byte());
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_byte(kind.byte()), Some(kind));
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(Kind::from_byte(0), None);
    }

    #[test]
    fn other_spellings_are_understood() {
        for (text, kind) in [
            ("userId", Kind::UserId),
            ("external_userId", Kind::ExternalUserid),
            ("unionId", Kind::Unionid),
            ("union_id", Kind::Unionid),
            ("anonymousId", Kind::AnonymousId),
            ("ios.idfa", Kind::Device),
        ] {
            let read = text.strip_prefix("ios.").unwrap_or(text).parse();
            assert_eq!(read, Ok(kind), "{text}");
        }
        assert_eq!("plate".parse::<Kind>(), Err(UnknownKind));
        assert_eq!("a very long name that is no kind".parse::<Kind>(), Err(UnknownKind));
    }
}
