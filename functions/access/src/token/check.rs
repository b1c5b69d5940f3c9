//! Signature, issuer, audience, time: what every token must pass, whoever made it.

use super::parse::Presented;
use super::{Denied, crypto};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use roadbook_kernel::Moment;
use serde_json::{Map, Value};

/// How far two clocks may be apart.
const LEEWAY_MS: i64 = 30_000;
const SUBJECT_BYTES_MAX: usize = 255;

/// The name of an algorithm as tokens write it; `None` for all that we do not accept.
pub(super) fn name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::RS256 => Some("RS256"),
        Algorithm::ES256 => Some("ES256"),
        Algorithm::EdDSA => Some("EdDSA"),
        // The library's list may grow; ours does not grow with it.
        _ => None,
    }
}

/// What a token of an issuer must say.
pub(super) struct Rules<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    /// The one algorithm of the key.
    pub(super) algorithm: Algorithm,
}

/// The claims of a token that a key has signed and that is for us, now.
pub(super) fn check(
    token: &Presented<'_>,
    key: &DecodingKey,
    rules: &Rules<'_>,
    now: Moment,
) -> Result<Map<String, Value>, Denied> {
    if name(rules.algorithm) != Some(token.alg.as_str()) {
        return Err(Denied);
    }
    crypto::install();
    let mut validation = Validation::new(rules.algorithm);
    validation.set_issuer(&[rules.issuer]);
    validation.set_audience(&[rules.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Times are checked below: the library reads the machine's clock, and ours may be another one.
    validation.validate_exp = false;
    let claims = decode::<Map<String, Value>>(token.text, key, &validation).map_err(|_| Denied)?.claims;
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(Denied)?;
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
        return Err(Denied);
    }
    in_time(&claims, now)?;
    Ok(claims)
}

fn in_time(claims: &Map<String, Value>, now: Moment) -> Result<(), Denied> {
    let ends = instant(claims, "exp")?.ok_or(Denied)?;
    let ended = ends.plus_ms(LEEWAY_MS) <= now;
    let ahead = |name| Ok::<_, Denied>(instant(claims, name)?.is_some_and(|at| at > now.plus_ms(LEEWAY_MS)));
    if ended || ahead("nbf")? || ahead("iat")? { Err(Denied) } else { Ok(()) }
}

/// A claim in seconds since 1970, which may have a fraction. Denied where it is there and is no such number.
pub(super) fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<Moment>, Denied> {
    /// The end of the year 9999: more is no time.
    const SECONDS_MAX: f64 = 253_402_300_799.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds)).ok_or(Denied)?;
    Ok(Some(Moment::from_millis((seconds * 1_000.0) as i64)))
}
