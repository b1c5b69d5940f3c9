//! Optimistic locking: `ETag: "<revision>"` on single things, `If-Match` on what changes them.
//!
//! The revision goes into the command as an [`Expected`], and the actor refuses (`stale_etag`, 412). A handler that
//! only compared before it sends would let two authors overwrite each other in between.

use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_kernel::Expected;

/// Tags one `If-Match` may name.
const TAGS_MAX: usize = 16;

/// The `If-Match` of a request that must have one. `*` stands for whatever is there. A handler that takes it cannot be
/// reached without it: 428 `if_match_required`.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        read(&parts.headers).map(Self)
    }
}

/// The `If-Match` of a request that may have one.
pub(crate) fn optional(headers: &HeaderMap) -> Result<Expected, Failure> {
    let Some(tags) = tags(headers)? else { return Ok(Expected::Any) };
    if tags.is_empty() { Err(malformed()) } else { expected(tags) }
}

fn read(headers: &HeaderMap) -> Result<Expected, Failure> {
    match tags(headers)? {
        Some(tags) if !tags.is_empty() => expected(tags),
        Some(_) | None => {
            let detail = "send the ETag of what you read as `If-Match`, so that nobody's change is overwritten unseen";
            Err(Failure::new(StatusCode::PRECONDITION_REQUIRED, "if_match_required", detail))
        }
    }
}

/// The tags a request names, none where the header is empty; `None` without one.
fn tags(headers: &HeaderMap) -> Result<Option<Vec<&str>>, Failure> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let mut tags = Vec::new();
    for value in headers.get_all(header::IF_MATCH) {
        let text = value.to_str().map_err(|_| malformed())?;
        tags.extend(text.split(',').map(str::trim).filter(|tag| !tag.is_empty()));
    }
    Ok(Some(tags))
}

fn expected(tags: Vec<&str>) -> Result<Expected, Failure> {
    if tags == ["*"] {
        return Ok(Expected::Any);
    }
    if tags.len() > TAGS_MAX {
        return Err(malformed());
    }
    let revisions = tags.into_iter().map(revision).collect::<Result<Vec<_>, _>>()?;
    Ok(Expected::OneOf(revisions.into_iter().flatten().collect()))
}

/// The revision a tag names. A weak tag, or one this API never gave out, names none: it fits nothing.
fn revision(tag: &str) -> Result<Option<u64>, Failure> {
    let weak = tag.starts_with("W/");
    let quoted = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
    Ok(inner.parse().ok().filter(|revision: &u64| !weak && revision.to_string() == inner))
}

fn malformed() -> Failure {
    let detail = r#"`If-Match` holds an ETag as it was given out, in double quotes: If-Match: "3""#;
    Failure::invalid("malformed_if_match", "", detail)
}

/// An answer about a thing at a revision.
pub(crate) fn tagged(revision: impl Into<u64>, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    // Digits and quotes are always a valid header value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", revision.into())) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Result<Expected, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_str(value).expect("a header"));
        }
        read(&headers).map_err(|failure| failure.code().into_owned())
    }

    #[test]
    fn strong_tags_are_revisions_and_nothing_else_is() {
        let cases = [
            (vec![], Err("if_match_required")),
            (vec![""], Err("if_match_required")),
            (vec!["*"], Ok(Expected::Any)),
            (vec!["\"3\""], Ok(Expected::exactly(3))),
            (vec!["\"3\", \"4\""], Ok(Expected::OneOf(vec![3, 4]))),
            (vec!["\"3\"", "\"4\""], Ok(Expected::OneOf(vec![3, 4]))),
            (vec!["W/\"3\""], Ok(Expected::OneOf(vec![]))),
            (vec!["\"03\""], Ok(Expected::OneOf(vec![]))),
            (vec!["\"abc\""], Ok(Expected::OneOf(vec![]))),
            (vec!["3"], Err("malformed_if_match")),
            (vec!["*, \"3\""], Err("malformed_if_match")),
        ];
        for (values, expected) in cases {
            assert_eq!(parse(&values), expected.map_err(str::to_owned), "{values:?}");
        }
        let many = vec!["\"1\""; TAGS_MAX + 1].join(",");
        assert_eq!(parse(&[&many]), Err("malformed_if_match".to_owned()));
    }
}
