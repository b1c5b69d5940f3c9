//! A server process under measurement: started, asked for its counters, killed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use crate::{client, procfs};

/// A server that is not ready by then is not going to be.
const READY_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long counters may trail the last answer.
const COUNTERS_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long background work (relay, compaction) may take to come to rest.
const REST_WAIT_MAX: Duration = Duration::from_secs(60);
/// How much of the server's stderr goes into an error, bytes.
const STDERR_TAIL_BYTES: usize = 600;

/// A running server; dropping it kills the process. Not `Debug`: it holds a key.
pub struct Server {
    child: Child,
    stderr: PathBuf,
    /// Where it listens.
    pub addr: SocketAddr,
    /// The `Host` header to send.
    pub host: String,
    /// The `Authorization` header of the write key.
    pub authorization: String,
    /// The admin key.
    pub admin: String,
}

/// The line a server prints when it is ready; the keys only on the first start of a folder.
#[derive(Deserialize)]
struct Ready {
    url: String,
    #[serde(default)]
    write_key: String,
    #[serde(default)]
    admin_key: String,
}

/// The two counters the figures are checked against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counters {
    /// `roadbook_events_total`: events taken.
    pub events: f64,
    /// `roadbook_turns_total`: turns committed.
    pub turns: f64,
}

impl Server {
    /// Starts `roadbook serve` on the empty folder `data` and waits for its ready line.
    ///
    /// # Errors
    /// Fails with the tail of its stderr when it ends or says nothing within a minute.
    pub fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").arg("--data").arg(data).args(["--port", "0", "--json"]);
        // A thousand segments are published in a minute here; nobody's console would.
        command.env("ROADBOOK_RATE_LIMIT_PER_MINUTE", "0");
        Self::spawn(command, data.with_extension("stderr"))
    }

    /// Kills the process (`kill -9`), starts another on the same folder, and says how long it took from its start to
    /// the first answer to a question that reads the store.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart(self, program: &Path, data: &Path) -> Result<(Self, Duration)> {
        let (server, ready) = self.restart_after(program, data, || ())?;
        Ok((server, ready.1))
    }

    /// As [`Self::restart`], with something done while nothing serves the folder. Returns what it came to, and how
    /// long the start took.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart_after<T>(
        mut self,
        program: &Path,
        data: &Path,
        between: impl FnOnce() -> T,
    ) -> Result<(Self, (T, Duration))> {
        self.child.kill().context("kill the server")?;
        self.child.wait().context("wait for the killed server")?;
        let done = between();
        let started = Instant::now();
        let mut next = Self::start(program, data)?;
        next.authorization.clone_from(&self.authorization);
        next.admin.clone_from(&self.admin);
        next.call("GET", "/v1/profiles/lookup?key=userId:customer-000000001", &Value::Null)?;
        Ok((next, (done, started.elapsed())))
    }

    /// Asks the secret API.
    ///
    /// # Errors
    /// Fails on any answer that is not 2xx.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        client::call(self.addr, method, path, &self.admin, body)
    }

    /// Defines and publishes a segment or a journey; returns its id.
    ///
    /// # Errors
    /// Fails where the server refuses it.
    pub fn publish(&self, kind: &str, body: &Value) -> Result<String> {
        let made = self.call("POST", &format!("/v1/{kind}"), body)?;
        let id = made["id"].as_str().context("the answer has no id")?.to_owned();
        self.call("POST", &format!("/v1/{kind}/{id}/publish"), &Value::Null)?;
        Ok(id)
    }

    /// Starts this program's own floor server; `folder` takes its stderr.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_floor(folder: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg("floor-server");
        Self::spawn(command, folder.join("floor.stderr"))
    }

    fn spawn(mut command: Command, stderr: PathBuf) -> Result<Self> {
        let log = File::create(&stderr).with_context(|| format!("create {}", stderr.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (first_line, ready) = mpsc::channel();
        // Reads on after the first line: a server whose stdout pipe fills up would stop.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Only the first line has a receiver.
                let _ = first_line.send(line);
            }
        });
        let line = ready.recv_timeout(READY_WAIT_MAX);
        // From here on the value owns the child, so that every early return kills it.
        let mut server = Self {
            child,
            stderr,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            host: String::new(),
            authorization: String::new(),
            admin: String::new(),
        };
        let Ok(line) = line else { bail!("{command:?} printed no ready line; {}", server.last_words()) };
        // The line holds keys: it must not reach an error message.
        let ready: Ready = serde_json::from_str(&line)
            .with_context(|| format!("the ready line of {command:?} is not the JSON of `serve --json`"))?;
        server.host = ready.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut addrs = server.host.to_socket_addrs().with_context(|| format!("resolve {}", server.host))?;
        server.addr = addrs.next().with_context(|| format!("{} has no address", server.host))?;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{}:", ready.write_key));
        server.authorization = format!("Basic {credentials}");
        server.admin = ready.admin_key;
        Ok(server)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The counters now.
    ///
    /// # Errors
    /// Fails when `/metrics` does not answer with 200.
    pub fn counters(&self) -> Result<Counters> {
        let text = client::get(self.addr, "/metrics")?;
        let read = |name: &str| client::counter(&text, name);
        Ok(Counters { events: read("roadbook_events_total"), turns: read("roadbook_turns_total") })
    }

    /// The counters once exactly `sent` events more than `before` are counted.
    ///
    /// # Errors
    /// Fails when the count is another one after ten seconds: events were lost, or counted twice.
    pub fn counters_after(&self, before: Counters, sent: usize) -> Result<Counters> {
        let deadline = Instant::now() + COUNTERS_WAIT_MAX;
        loop {
            let now = self.counters()?;
            let counted = now.events - before.events;
            if counted == sent as f64 {
                return Ok(now);
            }
            if counted > sent as f64 || Instant::now() > deadline {
                bail!("sent {sent} events, every answer was 200, but roadbook_events_total grew by {counted}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the server uses next to no CPU, so that work it put off is counted and does not disturb the next
    /// figure; returns how long that took.
    ///
    /// # Errors
    /// Fails when it still works after a minute, or is gone.
    pub fn rest(&self) -> Result<Duration> {
        const WINDOW: Duration = Duration::from_millis(200);
        const RESTING_CPU_MAX: Duration = Duration::from_millis(10);
        let started = Instant::now();
        let mut before = procfs::cpu(self.pid())?;
        loop {
            std::thread::sleep(WINDOW);
            let now = procfs::cpu(self.pid())?;
            if now.saturating_sub(before) <= RESTING_CPU_MAX {
                return Ok(started.elapsed().saturating_sub(WINDOW));
            }
            if started.elapsed() > REST_WAIT_MAX {
                bail!("the server still works {REST_WAIT_MAX:?} after the last answer");
            }
            before = now;
        }
    }

    /// Adds to an error how the server ended, if it did, and the end of its stderr: the reason behind a connection
    /// that was refused or reset.
    pub fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        anyhow::anyhow!("{error:#} ({})", self.last_words())
    }

    fn last_words(&mut self) -> String {
        // A connection is reset a moment before the process that held it can be waited for.
        let deadline = Instant::now() + Duration::from_millis(500);
        let state = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break format!("the server ended with {status}"),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
                Ok(None) => break "the server still runs".to_owned(),
                Err(error) => break format!("the state of the server is unknown: {error}"),
            }
        };
        let stderr = fs::read(&self.stderr).unwrap_or_default();
        format!("{state}; its stderr ends: {}", tail(&stderr))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last few hundred bytes of `output` as one line, for an error message.
pub fn tail(output: &[u8]) -> String {
    let from = output.len().saturating_sub(STDERR_TAIL_BYTES);
    let text = String::from_utf8_lossy(&output[from..]).trim().replace('\n', " | ");
    if text.is_empty() { "(nothing)".to_owned() } else { text }
}
