//! Asking the public API, in process, with the token of the person who looks.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::SocketAddr;
use tower::ServiceExt;

/// Why the API did not answer what was asked for.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is signed in, or no longer.
    SignIn,
    /// This version of the API has no such path.
    Unavailable,
    /// The API said no, and why.
    Problem(Box<Problem>),
}

/// A problem document, as far as pages show it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Problem {
    /// One of our own, for what is refused before the API is asked.
    pub(crate) fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self { status: status.as_u16(), body: json!({ "code": code, "detail": detail, "status": status.as_u16() }) }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// The API, and whose token it is asked with.
#[derive(Clone)]
pub(crate) struct Asker {
    api: Router,
    token: Option<String>,
    /// From where the person asks, while they sign in: guesses are counted per address.
    peer: Option<ConnectInfo<SocketAddr>>,
}

impl Asker {
    pub(crate) fn new(api: Router, token: Option<String>) -> Self {
        Self { api, token, peer: None }
    }

    /// The same for somebody whose address is known.
    pub(crate) fn from(self, peer: Option<ConnectInfo<SocketAddr>>) -> Self {
        Self { peer, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, Refused> {
        self.ask(Method::POST, path, body).await
    }

    /// Any method. The answer is a text where it is no JSON.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Refused> {
        let text = body.map(|body| body.to_string());
        let mut request = Request::builder().method(method).uri(path);
        if text.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let response = self.send(request, text.map_or_else(Body::empty, Body::from)).await?;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        let bytes = bytes(response).await;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }

    /// An answer that goes on: its body is handed on as it comes.
    pub(crate) async fn stream(&self, path: &str) -> Result<Response, Refused> {
        let request = Request::builder().uri(path).header(header::ACCEPT, "text/event-stream");
        let response = self.send(request, Body::empty()).await?;
        if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
    }

    async fn send(&self, mut request: axum::http::request::Builder, body: Body) -> Result<Response, Refused> {
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(peer) = self.peer {
            request = request.extension(peer);
        }
        // Only a path or a token with bytes that no header can hold fails here: nobody has such a thing.
        let request = request.body(body).map_err(|_| not_found())?;
        match self.api.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

async fn refused(response: Response) -> Refused {
    let status = response.status();
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap_or(Value::Null);
    let code = body["code"].as_str().unwrap_or_default();
    let absent = matches!(
        (status, code),
        (StatusCode::NOT_FOUND, "unknown_path") | (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
    if absent {
        return Refused::Unavailable;
    }
    if code.is_empty() {
        return Problem::new(status, "unreadable_answer", "the API answered with an error that says nothing").into();
    }
    // A wrong password is 401 too, and is no reason to be sent to the page one is on.
    if status == StatusCode::UNAUTHORIZED && code != "wrong_login" {
        return Refused::SignIn;
    }
    Problem { status: status.as_u16(), body }.into()
}

async fn bytes(response: Response) -> Vec<u8> {
    response.into_body().collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default()
}

/// The page for what is not there, in the words of the API.
pub(crate) fn not_found() -> Refused {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page").into()
}

/// A part of a page that may be missing without taking the page with it: `{state, data}`, where the state is `ok`,
/// `unavailable`, or `refused` with the problem.
///
/// # Errors
/// Only where nobody is signed in any more.
pub(crate) fn section(answer: Result<Value, Refused>) -> Result<Value, Refused> {
    match answer {
        Ok(data) => Ok(json!({ "state": "ok", "data": data })),
        Err(Refused::Unavailable) => Ok(json!({ "state": "unavailable" })),
        Err(Refused::Problem(problem)) => Ok(json!({ "state": "refused", "problem": problem.body })),
        Err(Refused::SignIn) => Err(Refused::SignIn),
    }
}

/// A text as one value of a query or one step of a path.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Whether a text has the form of one of our ids. Everything else in an address is answered "not found" without asking:
/// people type phone numbers into such places.
pub(crate) fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(prefix, body)| {
        let lower = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
        let sortable = body.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        lower(prefix) && prefix.len() <= 4 && !body.is_empty() && body.len() <= 40 && sortable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_ids_look_like_ours_and_any_text_fits_into_a_query() {
        assert!(is_id("cus_01m8abc") && is_id("dl_0"));
        for foreign in ["", "13800000000", "cus_", "_a", "cus_A", "cus_a/b", "cus_a?b", "../cus_a", "toolong_a"] {
            assert!(!is_id(foreign), "{foreign}");
        }
        assert_eq!(encoded("a b&c=上"), "a%20b%26c%3D%E4%B8%8A");
    }
}
