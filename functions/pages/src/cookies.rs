//! Cookies: few, all below `/console`, none readable by script.

use axum::http::{HeaderMap, HeaderValue, header};

/// The token of the person.
pub(crate) const SESSION: &str = "roadbook_session";
/// The other half of the sign-in form.
pub(crate) const FORM: &str = "roadbook_form";
/// The language that was chosen.
pub(crate) const LANG: &str = "roadbook_lang";

/// The value of a cookie, where it is sent once. Twice means that somebody else has set one beside ours.
pub(crate) fn get(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = values.by_ref().filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    let first = found.next().filter(|value| !value.is_empty());
    if found.next().is_some() { None } else { first }
}

/// A `Set-Cookie` header. `max_age_s` of `None` ends with the browser. `None` where the value cannot stand in a cookie.
pub(crate) fn set(name: &str, value: &str, max_age_s: Option<u64>, secure: bool) -> Option<HeaderValue> {
    let fits = value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\'));
    let age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let secure = if secure { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path=/console; HttpOnly; SameSite=Strict{age}{secure}");
    if fits { HeaderValue::from_str(&line).ok() } else { None }
}

/// A `Set-Cookie` header that takes a cookie back.
pub(crate) fn clear(name: &str, secure: bool) -> Option<HeaderValue> {
    set(name, "", Some(0), secure)
}

/// Whether the browser speaks TLS, as the proxy in front says. Who makes that up harms only their own cookie.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase();
    let first = |text: String| text.split(',').next().unwrap_or_default().trim().to_owned();
    first(text("x-forwarded-proto")) == "https" || first(text("forwarded")).contains("proto=https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_reads_back_and_one_that_is_sent_twice_is_nobodys() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; roadbook_session=tok; b=2"));
        assert_eq!(get(&headers, SESSION).as_deref(), Some("tok"));
        headers.insert(header::COOKIE, HeaderValue::from_static("roadbook_session=tok; roadbook_session=other"));
        assert_eq!(get(&headers, SESSION), None);
        assert_eq!(get(&HeaderMap::new(), SESSION), None);
    }

    #[test]
    fn cookies_are_strict_and_secure_behind_tls_and_hold_no_header() {
        let line = set(SESSION, "tok", Some(60), true).unwrap();
        assert_eq!(line, "roadbook_session=tok; Path=/console; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
        assert_eq!(set(SESSION, "a; Path=/", None, false), None);
        let mut headers = HeaderMap::new();
        assert!(!is_secure(&headers));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https, http"));
        assert!(is_secure(&headers));
    }
}
