//! A `roadbook serve` that is started, killed and started again on one folder and one port.

use crate::client::{Connection, Request};
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use serde::Deserialize;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A server that is not ready by then is not going to be.
const READY_MAX: Duration = Duration::from_secs(60);
/// The server's own limit for draining is 20 s.
const END_MAX: Duration = Duration::from_secs(45);
/// How often a process that should end is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 30;

/// How the server is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The `roadbook` binary.
    pub path: PathBuf,
    /// Its data folder. Its log lies beside it, in FOLDER.log.
    pub data: PathBuf,
    /// Its settings file.
    pub config: Option<PathBuf>,
    /// Its environment, beside ours.
    pub environment: Vec<(String, String)>,
}

/// What the first start on an empty folder prints.
#[derive(Clone)]
pub struct Keys {
    /// The `Authorization` header of the write key.
    pub write: String,
    /// The `Authorization` header of the admin key.
    pub admin: String,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    #[serde(default)]
    write_key: String,
    #[serde(default)]
    admin_key: String,
}

/// A server, running or not. Dropping it kills the process. Not `Debug`: it holds keys.
pub struct Host {
    /// How it is started.
    pub program: Program,
    /// Where it listens, from its first start on.
    pub server: SocketAddr,
    /// Its keys.
    pub keys: Keys,
    child: Option<Child>,
}

impl Host {
    /// Starts it on an empty folder.
    ///
    /// # Errors
    /// A process that ends, or says nothing for a minute.
    pub fn found(program: Program) -> Result<Self> {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let keys = Keys { write: String::new(), admin: String::new() };
        let mut host = Self { program, server: nowhere, keys, child: None };
        host.start()?;
        Ok(host)
    }

    /// Starts it and asks something that reads the store; returns how long the answer took from the start of the
    /// process on.
    ///
    /// # Errors
    /// A process that ends, or says nothing for a minute, or cannot answer.
    pub fn start(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let ready = self.spawn()?;
        let place = ready.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        self.server = place.to_socket_addrs()?.next().with_context(|| format!("{place} has no address"))?;
        if !ready.admin_key.is_empty() {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:", ready.write_key));
            self.keys = Keys { write: format!("Basic {basic}"), admin: format!("Bearer {}", ready.admin_key) };
        }
        if self.keys.admin.is_empty() {
            bail!("{} was not empty: its keys are printed only once", self.program.data.display());
        }
        let path = "/v1/profiles/lookup?key=userId:nobody".to_owned();
        let reply = Connection::new(self.server).ask(&self.request("GET", path, String::new()));
        match reply {
            Ok(reply) if reply.status == 404 || reply.status == 200 => Ok(begun.elapsed()),
            Ok(reply) => bail!("the first answer was {}: {}", reply.status, reply.text),
            Err(lost) => bail!("no first answer ({lost:?}); {}", self.log_tail()),
        }
    }

    /// A request with the admin key.
    pub fn request(&self, method: &'static str, path: String, body: String) -> Request {
        Request { method, path, authorization: self.keys.admin.clone(), headers: Vec::new(), body }
    }

    fn spawn(&mut self) -> Result<Ready> {
        let Program { path, data, config, environment } = &self.program;
        let log = OpenOptions::new().create(true).append(true).open(self.log_path());
        let mut command = Command::new(path);
        command.arg("serve").arg("--data").arg(data).args(["--port", &self.server.port().to_string(), "--json"]);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        // One key plays everybody here.
        command.env("ROADBOOK_RATE_LIMIT_PER_MINUTE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.context("write the server's log")?);
        let mut child = command.spawn().with_context(|| format!("start {}", path.display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        self.child = Some(child);
        let (line, first) = mpsc::channel();
        // Reads on: a pipe that fills would stop the server.
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _only_the_first_is_waited_for = line.send(text);
            }
        });
        // The line holds keys: it must not reach an error.
        match first.recv_timeout(READY_MAX) {
            Ok(text) => serde_json::from_str(&text).ok().context("the ready line is not the JSON of `serve --json`"),
            Err(_) => bail!("the server was not ready; {}", self.log_tail()),
        }
    }

    /// Its process id; 0 where none runs.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// A process that had ended before: nobody asked it to.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            if let Some(status) = child.try_wait()? {
                bail!("the server had ended by itself with {status}; {}", self.log_tail());
            }
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM; returns at once.
    ///
    /// # Errors
    /// A signal that could not be sent.
    pub fn terminate(&self) -> Result<()> {
        // The standard library can only kill; every POSIX shell has this builtin.
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.pid().to_string()]).status()?;
        anyhow::ensure!(sent.success(), "SIGTERM could not be sent");
        Ok(())
    }

    /// How it ended, if it does within `patience`.
    ///
    /// # Errors
    /// The state of a process that cannot be read.
    pub fn ended_within(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        let Some(child) = self.child.as_mut() else { return Ok(None) };
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// SIGTERM, and patience until it has drained.
    ///
    /// # Errors
    /// A process that does not end, or not with 0.
    pub fn stop(&mut self) -> Result<()> {
        self.terminate()?;
        match self.ended_within(END_MAX)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("SIGTERM ended the server with {status}; {}", self.log_tail()),
            None => bail!("the server still runs {END_MAX:?} after SIGTERM; {}", self.log_tail()),
        }
    }

    /// `roadbook doctor` on the stopped folder; its words where it is not sound.
    ///
    /// # Errors
    /// A program that cannot be started.
    pub fn examine(&self) -> Result<Option<String>> {
        let mut doctor = Command::new(&self.program.path);
        doctor.arg("doctor").arg("--data").arg(&self.program.data);
        if let Some(config) = &self.program.config {
            doctor.arg("--config").arg(config);
        }
        let said = doctor.output().context("run roadbook doctor")?;
        let words = || format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        Ok((!said.status.success()).then(words))
    }

    fn log_path(&self) -> PathBuf {
        self.program.data.with_extension("log")
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let text = fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        format!("its log ends:\n{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
