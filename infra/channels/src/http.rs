//! One HTTP call: what came back, or how certain it is that nothing was done.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::settings::{Settings, SettingsError};

/// Largest answer we read. A page of 1000 results is about 150 KB.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// An idle connection is not reused after this: the fewer dead ones we write to, the fewer answers are lost.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// A platform's answer: errcode and the rest. The platforms answer HTTP 200 also when they refuse.
#[derive(Debug)]
pub(crate) struct Reply {
    /// 0 is success; an absent errcode too.
    pub(crate) errcode: i64,
    pub(crate) fields: Value,
}

/// No answer of the platform came back. The text is a stable reason; it holds neither URL nor body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The request certainly did not reach an interface.
    NotSent(&'static str),
    /// The request was written, or may have been; nobody can say whether the work was done.
    Ambiguous(&'static str),
}

/// The client shared by all platforms.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
}

impl Http {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let client = Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.answer_timeout)
            .pool_idle_timeout(IDLE_MAX)
            // A redirect would carry the token in the query to another host.
            .redirect(Policy::none())
            // Whether a call may be repeated is our decision alone, interface by interface.
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("roadbook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SettingsError::Client)?;
        Ok(Self { client })
    }

    /// A GET with these query parameters.
    pub(crate) async fn get(&self, url: &str, query: &[(&str, &str)]) -> Result<Reply, Lost> {
        perform(self.client.get(url).query(query)).await
    }

    /// A POST of a JSON body. `key` travels as `x-request-id`: it names the piece of business, not the person.
    pub(crate) async fn post(
        &self,
        url: &str,
        query: &[(&str, &str)],
        body: &Value,
        key: Option<&str>,
    ) -> Result<Reply, Lost> {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        if let Some(key) = key.and_then(|key| HeaderValue::from_str(key).ok()) {
            headers.insert("x-request-id", key);
        }
        perform(self.client.post(url).query(query).headers(headers).body(plain(body.clone()).to_string())).await
    }
}

async fn perform(request: RequestBuilder) -> Result<Reply, Lost> {
    let response = request.send().await.map_err(|error| lost(&error))?;
    let status = response.status();
    if status.is_server_error() {
        // The gateway may have passed the call on before it failed.
        return Err(Lost::Ambiguous("http_server_error"));
    }
    if !status.is_success() {
        return Err(Lost::NotSent("http_refused"));
    }
    let bytes = read(response).await?;
    // Parsed by content: the mini-program platform labels its JSON as text/plain at times.
    let fields: Value = serde_json::from_slice(&bytes).map_err(|_| Lost::Ambiguous("answer_unreadable"))?;
    if !fields.is_object() {
        return Err(Lost::Ambiguous("answer_unreadable"));
    }
    let errcode = match fields.get("errcode") {
        None => 0,
        Some(code) => code.as_i64().ok_or(Lost::Ambiguous("answer_unreadable"))?,
    };
    Ok(Reply { errcode, fields })
}

async fn read(mut response: Response) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Lost::Ambiguous("answer_too_large"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The error itself is dropped here: its text may hold the URL, and the URL holds the token.
fn lost(error: &reqwest::Error) -> Lost {
    if error.is_builder() {
        Lost::NotSent("request_not_built")
    } else if error.is_connect() {
        Lost::NotSent("not_connected")
    } else if error.is_timeout() {
        Lost::Ambiguous("timed_out")
    } else {
        Lost::Ambiguous("connection_lost")
    }
}

/// Removes the control characters that JSON can spell only as `\u` escapes: WeCom refuses the whole body for one (40033).
fn plain(value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(text) => Value::String(plain_text(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (plain_text(name), plain(value))).collect())
        }
    }
}

fn plain_text(text: String) -> String {
    let bad = |c: char| c < ' ' && !matches!(c, '\n' | '\r' | '\t');
    if text.contains(bad) { text.replace(bad, "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_body_holds_a_unicode_escape() {
        let body = json!({ "text": { "content": "a\u{1}b\n车\u{1f}" }, "list": ["\u{0}x"], "\u{2}n": 1 });
        assert_eq!(plain(body).to_string(), r#"{"list":["x"],"n":1,"text":{"content":"ab\n车"}}"#);
    }
}
