//! The key or the token a request carries in its `Authorization` header.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::api::Api;
use crate::failure::Failure;
use roadbook_access::Authority;

/// Longest header value that is looked at: our keys have 70 characters, a provider's token may have 8 KB.
const HEADER_BYTES_MAX: usize = 8 * 1024 + 16;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user name of `Basic`, or the token of `Bearer`. `None` where the header is absent or names nobody: clients that
/// put their key into the body send an empty user name.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().ok().filter(|value| value.len() <= HEADER_BYTES_MAX).ok_or_else(unreadable)?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let key = if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64.decode(rest.trim()).map_err(|_| unreadable())?;
        let mut text = String::from_utf8(decoded).map_err(|_| unreadable())?;
        text.truncate(text.find(':').unwrap_or(text.len()));
        text
    } else if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else {
        return Err(unreadable());
    };
    Ok((!key.is_empty()).then_some(key))
}

/// Proves a key.
pub(crate) async fn prove(api: &Api, key: &str) -> Result<Authority, Failure> {
    let unknown = || Failure::new(StatusCode::UNAUTHORIZED, "unknown_key", "this key is not known, or was revoked");
    api.app.access.verify(key).await?.ok_or_else(unknown)
}

/// Proves a key or a person's token. For the secret API: events are sent with keys.
pub(crate) async fn prove_any(api: &Api, text: &str) -> Result<Authority, Failure> {
    // No key of ours has a dot, and every token has two.
    if !text.contains('.') {
        return prove(api, text).await;
    }
    let now = api.engine().wall.now();
    api.app.people.verify(text, now).await?.ok_or_else(|| {
        let detail = "this token is not valid here; sign in again";
        Failure::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
    })
}

/// No key anywhere.
pub(crate) fn missing() -> Failure {
    let detail = "send a key: as the user name of Basic, or as `Authorization: Bearer <key>`";
    Failure::new(StatusCode::UNAUTHORIZED, "missing_key", detail)
}

fn unreadable() -> Failure {
    let detail = "the Authorization header is neither `Basic base64(key:)` nor `Bearer <key>`";
    Failure::new(StatusCode::UNAUTHORIZED, "unreadable_authorization", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(value: &str) -> Result<Option<String>, StatusCode> {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        presented(&HeaderMap::from_iter([(header::AUTHORIZATION, value)])).map_err(|failure| failure.status())
    }

    #[test]
    fn keys_as_clients_send_them() {
        assert_eq!(read("Basic d2tfdGVzdDo="), Ok(Some("wk_test".into())));
        assert_eq!(read("basic d2tfdGVzdDpwdw"), Ok(Some("wk_test".into())));
        assert_eq!(read("Bearer  rb_sk_1"), Ok(Some("rb_sk_1".into())));
        assert_eq!(read("Basic Og=="), Ok(None), "an empty user name: the key is in the body");
        assert_eq!(read("Bearer "), Ok(None));
        for value in ["Basic %%%", "Basic /w==", "Digest x", "é", &format!("Bearer {}", "x".repeat(9_000))] {
            assert_eq!(read(value), Err(StatusCode::UNAUTHORIZED), "{value}");
        }
        assert_eq!(presented(&HeaderMap::new()).ok(), Some(None));
    }
}
