//! A folder, the program over it, and a server that is stopped however a test ends.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

/// A data folder of its own.
pub struct Folder {
    root: TempDir,
}

/// What a run of the program left behind.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Folder {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a folder") }
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The program with these words, over this folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadbook"));
        command.args(words).env("ROADBOOK_DATA", self.data()).env("RUST_LOG", "warn").stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        self.command(words).output().expect("the program starts").into()
    }

    pub fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--port", "0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Server { child, ready }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    pub ready: Value,
}

impl Server {
    pub fn told(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", self.ready))
    }

    /// One request with a key; the body of the answer. Anything but 2xx fails.
    pub fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> Value {
        let host = self.address();
        let mut stream = TcpStream::connect(host).expect("it listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or_default()
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        self.told("url").trim_start_matches("http://")
    }

    /// Sends a signal and waits for the end.
    pub fn signal(&mut self, signal: &str) -> ExitStatus {
        self.send(signal);
        self.wait()
    }

    pub fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().expect("a shell");
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
