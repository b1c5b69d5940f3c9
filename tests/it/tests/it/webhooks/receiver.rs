//! Somebody else's server: takes webhooks over real HTTP, remembers them, and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One call as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub id: String,
    pub timestamp: i64,
    pub signatures: Vec<String>,
    pub content_type: String,
    pub body: String,
}

impl Call {
    /// Whether one of its signatures is what the standard's own library makes of this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let library = standardwebhooks::Webhook::new(secret).expect("a secret");
        let expected = library.sign(&self.id, self.timestamp, self.body.as_bytes()).expect("a signature");
        self.signatures.contains(&expected)
    }
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    answers: VecDeque<u16>,
}

/// The server. It answers 200 unless told otherwise.
pub struct Receiver {
    state: Arc<Mutex<State>>,
    pub url: String,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let theirs = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, theirs.clone()));
            }
        });
        Self { state, url }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls are answered like this, in order.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state().answers.extend(statuses);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    loop {
        let Some((call, rest)) = read(&mut stream, bytes).await else { return };
        bytes = rest;
        let status = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.calls.push(call);
            state.answers.pop_front().unwrap_or(200)
        };
        let answer = format!("HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request with a `content-length`; `None` where the connection ended.
async fn read(stream: &mut TcpStream, mut bytes: Vec<u8>) -> Option<(Call, Vec<u8>)> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found =
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
        found.next_back().unwrap_or_default()
    };
    let length: usize = header("content-length").parse().ok()?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let call = Call {
        path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().ok()?,
        signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
        content_type: header("content-type"),
        body: String::from_utf8_lossy(&bytes[end..end + length]).into_owned(),
    };
    Some((call, bytes.split_off(end + length)))
}
