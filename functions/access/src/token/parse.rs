//! The outer form of a token, read before anything is believed: three parts, strict JSON, nothing that asks for
//! special treatment.

use super::Denied;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Longest token that is looked at.
pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Longest key id.
const KID_BYTES_MAX: usize = 256;

/// Header members that would bring a key along, point to one, or change what is signed. A verifier that obeys any of
/// them checks the token against its sender's own wishes; one that carries them is refused whole.
const REFUSED: &[&str] = &["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"];

/// A token as it was presented: nothing of it is proven.
pub(crate) struct Presented<'a> {
    pub(crate) text: &'a str,
    /// The algorithm it claims; compared with the key's, never followed.
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    /// Whose it claims to be.
    pub(crate) issuer: String,
}

impl<'a> Presented<'a> {
    /// Reads the outer form.
    pub(crate) fn read(text: &'a str) -> Result<Self, Denied> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Denied);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Denied);
        };
        if signature.is_empty() {
            return Err(Denied);
        }
        let (mut header, mut claims) = (object(header)?, object(claims)?);
        if REFUSED.iter().any(|name| header.contains_key(*name)) {
            return Err(Denied);
        }
        let kid = match header.remove("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= KID_BYTES_MAX => Some(kid),
            Some(_) => return Err(Denied),
        };
        let (Some(Value::String(alg)), Some(Value::String(issuer))) = (header.remove("alg"), claims.remove("iss"))
        else {
            return Err(Denied);
        };
        Ok(Self { text, alg, kid, issuer })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Denied> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Denied)?;
    strict_object(&bytes).ok_or(Denied)
}

/// An object in which no member stands twice: two readers of one token must not see two tokens.
fn strict_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    struct Once;

    impl<'de> Visitor<'de> for Once {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut all = Map::new();
            while let Some((name, value)) = members.next_entry::<String, Value>()? {
                if all.insert(name, value).is_some() {
                    return Err(A::Error::custom("a member stands twice"));
                }
            }
            Ok(all)
        }
    }

    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let object = reader.deserialize_map(Once).ok()?;
    reader.end().ok()?;
    Some(object)
}
