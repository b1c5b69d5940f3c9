//! One blocking request at a time: for counters and checks, never for load.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::response;

const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// GETs `path` and returns the body of a 200.
///
/// # Errors
/// Fails when the server cannot be reached in 30 seconds or answers another status.
pub fn get(server: SocketAddr, path: &str) -> Result<String> {
    let asked = || format!("GET {path} from {server}");
    let mut stream = TcpStream::connect_timeout(&server, ANSWER_WAIT_MAX).with_context(asked)?;
    stream.set_read_timeout(Some(ANSWER_WAIT_MAX)).with_context(asked)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n").with_context(asked)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).with_context(asked)?;
    let answer = response::parse(&bytes).with_context(asked)?.with_context(|| format!("{}: cut short", asked()))?;
    let body = String::from_utf8_lossy(&bytes[answer.body]).into_owned();
    if answer.status != 200 {
        bail!("{}: {} {}", asked(), answer.status, body.chars().take(400).collect::<String>());
    }
    Ok(body)
}

/// One request of the secret API with a JSON body (`null` sends none); returns the JSON of any 2xx.
///
/// # Errors
/// Fails when the server cannot be reached in 30 seconds or answers another status.
pub fn call(server: SocketAddr, method: &str, path: &str, key: &str, body: &Value) -> Result<Value> {
    let asked = || format!("{method} {path} at {server}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect_timeout(&server, ANSWER_WAIT_MAX).with_context(asked)?;
    stream.set_read_timeout(Some(ANSWER_WAIT_MAX)).with_context(asked)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {server}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .with_context(asked)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).with_context(asked)?;
    let answer = response::parse(&bytes).with_context(asked)?.with_context(|| format!("{}: cut short", asked()))?;
    let text = String::from_utf8_lossy(&bytes[answer.body]).into_owned();
    if answer.status / 100 != 2 {
        bail!("{}: {} {}", asked(), answer.status, text.chars().take(400).collect::<String>());
    }
    serde_json::from_str(&text).with_context(|| format!("{}: the answer is no JSON", asked()))
}

/// The sum over all label sets of counter `name` in a Prometheus text exposition. A counter with labels has no sample
/// before its first increment, so an absent one is 0.
pub fn counter(exposition: &str, name: &str) -> f64 {
    let samples = exposition.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.as_bytes().first()? {
            b' ' => rest,
            b'{' => rest.rsplit_once('}')?.1,
            _ => return None,
        };
        value.split_whitespace().next()?.parse::<f64>().ok()
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let text = "# HELP roadbook_events help\n# TYPE roadbook_events counter\n\
                    roadbook_events_total{tenant=\"a }\"} 3\nroadbook_events_total{tenant=\"b\"} 4 1700000000\n\
                    roadbook_events_total_seconds 9\nroadbook_turns_total 5\n# EOF\n";
        assert_eq!(counter(text, "roadbook_events_total"), 7.0);
        assert_eq!(counter(text, "roadbook_turns_total"), 5.0);
        assert_eq!(counter(text, "roadbook_absent_total"), 0.0);
    }
}
