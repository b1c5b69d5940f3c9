//! One keep-alive connection that says how sure it is that a request was not taken.

use roadbook_bench::response;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// An answer later than this is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request: method, path, headers beside the usual ones, body.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// The whole `Authorization` header.
    pub authorization: String,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// JSON; empty for none.
    pub body: String,
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: roadbook\r\ncontent-type: application/json\r\nauthorization: {}\r\n\
             content-length: {}\r\n",
            self.method,
            self.path,
            self.authorization,
            self.body.len()
        );
        for (name, value) in &self.headers {
            // Writing to a String cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its body, as text.
    pub text: String,
}

impl Reply {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// There was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nobody listened: the request was certainly not taken.
    Refused,
    /// The connection ended before the answer: nobody knows.
    Doubtful,
}

/// A connection that is opened again when it is lost.
pub struct Connection {
    server: SocketAddr,
    stream: Option<TcpStream>,
    /// When the last request was on its way, all of it; `None` where it never was.
    pub sent_at: Option<Instant>,
}

impl Connection {
    /// Opens nothing yet.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, stream: None, sent_at: None }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`Lost`]; the next request opens a new connection.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Lost> {
        self.sent_at = None;
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.server).ok_or(Lost::Refused)?,
        };
        let reply = self.exchange(stream, &request.bytes());
        reply.ok_or(Lost::Doubtful)
    }

    fn exchange(&mut self, mut stream: TcpStream, bytes: &[u8]) -> Option<Reply> {
        stream.write_all(bytes).ok()?;
        self.sent_at = Some(Instant::now());
        let mut buffer = Vec::with_capacity(4 * 1024);
        let mut part = [0; 16 * 1024];
        loop {
            if let Some(answer) = response::parse(&buffer).ok()? {
                let head = String::from_utf8_lossy(&buffer[..answer.body.start]).into_owned();
                let text = String::from_utf8_lossy(&buffer[answer.body]).into_owned();
                if !has(&head, "connection", "close") {
                    self.stream = Some(stream);
                }
                return Some(Reply { status: answer.status, etag: header(&head, "etag"), text });
            }
            match patient_read(&mut stream, &mut part) {
                Ok(0) | Err(_) => return None,
                Ok(read) => buffer.extend_from_slice(&part[..read]),
            }
        }
    }
}

/// Reads on where a signal interrupts it. A child of this process that ends does that, such as the one that sends SIGTERM:
/// sockets with a time limit are not read on by the kernel. Taken for a lost connection it would blame the server for an
/// answer that nobody waited for.
fn patient_read(stream: &mut impl Read, part: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(part) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            settled => return settled,
        }
    }
}

fn connect(server: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

fn header(head: &str, name: &str) -> Option<String> {
    let line =
        head.lines().find(|line| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn has(head: &str, name: &str, value: &str) -> bool {
    header(head, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn request() -> Request {
        Request {
            method: "POST",
            path: "/x".into(),
            authorization: "Bearer k".into(),
            headers: vec![("idempotency-key", "a".into())],
            body: "{}".into(),
        }
    }

    /// Interrupted first, then what it has, then a connection that was reset.
    struct Interrupted(Vec<std::io::Result<u8>>);

    impl Read for Interrupted {
        fn read(&mut self, part: &mut [u8]) -> std::io::Result<usize> {
            part[0] = self.0.remove(0)?;
            Ok(1)
        }
    }

    #[test]
    fn a_signal_is_no_lost_connection() {
        let mut stream =
            Interrupted(vec![Err(ErrorKind::Interrupted.into()), Ok(7), Err(ErrorKind::ConnectionReset.into())]);
        let mut part = [0; 4];
        assert_eq!((patient_read(&mut stream, &mut part).unwrap(), part[0]), (1, 7));
        assert_eq!(patient_read(&mut stream, &mut part).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn nobody_there_is_no_doubt_and_a_cut_answer_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::new(listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut taken = [0; 1024];
            let read = stream.read(&mut taken).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"7\"\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            let again = stream.read(&mut taken[read..]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}").unwrap();
            (String::from_utf8_lossy(&taken[..read]).into_owned(), again)
        });
        let reply = connection.ask(&request()).unwrap();
        assert_eq!((reply.status, reply.etag.as_deref(), reply.text.as_str()), (200, Some("\"7\""), "{}"));
        assert_eq!(connection.ask(&request()).unwrap_err(), Lost::Doubtful);
        let (seen, again) = server.join().unwrap();
        assert!(seen.contains("idempotency-key: a\r\n") && seen.ends_with("\r\n\r\n{}") && again > 0, "{seen}");
        assert_eq!(connection.ask(&request()).unwrap_err(), Lost::Refused);
    }
}
