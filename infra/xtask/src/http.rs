//! An HTTP/1.1 client in a page: one request, one connection, to this machine only.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer later than this is no answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, and the key it is asked with.
#[derive(Clone)]
pub struct Client {
    address: String,
    key: Option<String>,
}

/// An answer, whatever its status.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Client {
    /// A server by its base URL, `http://127.0.0.1:8080`.
    pub fn new(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").trim_end_matches('/').to_owned(), key: None }
    }

    /// The same server, asked with a key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// `GET`.
    ///
    /// # Errors
    /// No answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.call("GET", path, "")
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// No answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call("POST", path, &body.to_string())
    }

    /// Any request.
    ///
    /// # Errors
    /// No answer, or bytes that are no HTTP.
    pub fn call(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let place = || format!("{method} http://{}{path}", self.address);
        let bytes = self.exchange(method, path, body).with_context(place)?;
        read(&bytes).with_context(place)
    }

    /// A request that must succeed; returns its JSON.
    ///
    /// # Errors
    /// No answer, or one that is not 2xx: its body is the reason.
    pub fn expect(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.call(method, path, &body.map(Value::to_string).unwrap_or_default())?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} http://{}{path} answered {}: {}", self.address, answer.status, answer.text);
        }
        Ok(answer.json())
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n{key}\
             Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Status and body. The answers asked for here are short and have a length, so there are no chunks to undo.
fn read(bytes: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        bail!("the answer comes in chunks, which this client does not read");
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, text: body.to_owned() })
}

/// Letters, digits and a few marks as they are; everything else as `%XX`, for a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_its_status() {
        let answer = read(b"HTTP/1.1 404 Not Found\r\ncontent-length: 15\r\n\r\n{\"code\":\"none\"}").unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("none")));
        assert!(read(b"").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
    }

    #[test]
    fn a_query_is_escaped() {
        assert_eq!(escaped("userId:a b/é"), "userId%3Aa%20b%2F%C3%A9");
    }
}
