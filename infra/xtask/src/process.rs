//! Programs that keep running beside us: the server and the simulator.

use crate::place::Place;
use crate::run;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A program is ready within this time or something is wrong. Generous: the machine may be building at the same time.
const READY_MAX: Duration = Duration::from_secs(60);
/// A program drains within this time of SIGTERM; the server's own limit is 20 s.
const STOP_MAX: Duration = Duration::from_secs(40);

/// A running child. It is killed when dropped; [`Process::stop`] is the polite way.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    /// The JSON line it printed when it was ready.
    pub ready: Value,
    /// Its standard error.
    pub log: PathBuf,
}

impl Process {
    /// Starts a program and waits for the JSON line it prints when it is ready. Its log is appended to `log`.
    ///
    /// # Errors
    /// A program that ends, or says nothing, before it is ready.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let stderr = OpenOptions::new().create(true).append(true).open(log);
        let stderr = stderr.with_context(|| format!("write {}", log.display()))?;
        // A group of its own: Ctrl-C at the terminal reaches us alone, and we stop the children in order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("its standard output is piped")?;
        let (sender, lines) = channel();
        // Ends with the pipe, that is with the child; until then it keeps the pipe from filling.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _nobody_listens = sender.send(line);
            }
        });
        let mut process = Self { name: name.to_owned(), child, lines, ready: Value::Null, log: log.to_owned() };
        process.ready = process.wait_until_ready()?;
        Ok(process)
    }

    fn wait_until_ready(&mut self) -> Result<Value> {
        loop {
            match self.lines.recv_timeout(READY_MAX) {
                Ok(line) => {
                    if let Ok(ready @ Value::Object(_)) = serde_json::from_str(&line) {
                        return Ok(ready);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} was not ready within {} s\n{}", self.name, READY_MAX.as_secs(), run::tail(&self.log))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} ended before it was ready\n{}", self.name, run::tail(&self.log))
                }
            }
        }
    }

    /// A text of the ready line.
    ///
    /// # Errors
    /// A ready line without it.
    pub fn told(&self, name: &str) -> Result<&str> {
        self.ready[name].as_str().with_context(|| format!("{} did not say its `{name}`", self.name))
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGTERM, and patience until it has drained.
    ///
    /// # Errors
    /// A program that does not end, or ends with anything but success.
    pub fn stop(mut self) -> Result<()> {
        if self.is_running() {
            // The standard library can only kill; every POSIX shell has this builtin.
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()]).status()?;
        }
        let status = self.wait()?;
        if !status.success() {
            bail!("{} ended with {status}\n{}", self.name, run::tail(&self.log));
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            match self.lines.recv_timeout(STOP_MAX) {
                Ok(_) => {}
                // Its end of the pipe is closed: it is gone, or about to be.
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} still runs {} s after SIGTERM\n{}", self.name, STOP_MAX.as_secs(), run::tail(&self.log))
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server needs to send to a simulator: its default accounts (`tests/simulator`, `config.rs`).
pub const SIMULATED_ACCOUNTS: &str = "\
[[corps]]
corp = \"ww-sim-corp\"
agent = 1000002
secret = \"sim-corp-secret\"

[[miniprograms]]
appid = \"wx-sim-app\"
secret = \"sim-app-secret\"
";

/// Starts the platform simulator on a free port.
///
/// # Errors
/// See [`Process::start`].
pub fn simulator(place: &Place, log: &Path) -> Result<Process> {
    Process::start("the platform simulator", place.command(place.simulator()).args(["--port", "0"]), log)
}

/// A server over a data folder, sending to a simulator. The caller adds what is special and starts it.
///
/// # Errors
/// Folders and settings that cannot be written.
pub fn server(place: &Place, data: &Path, port: u16, simulator: &str) -> Result<Command> {
    server_for(place, data, port, simulator, SIMULATED_ACCOUNTS)
}

/// The same with accounts of one's own, as `roadbook.toml` has them.
///
/// # Errors
/// Folders and settings that cannot be written.
pub fn server_for(place: &Place, data: &Path, port: u16, simulator: &str, accounts: &str) -> Result<Command> {
    let folder = data.parent().context("a data folder has a parent")?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let settings = data.with_extension("toml");
    fs::write(&settings, accounts).with_context(|| format!("write {}", settings.display()))?;
    let mut command = place.command(place.roadbook());
    command.arg("serve").arg("--data").arg(data).arg("--config").arg(settings);
    command.args(["--port", &port.to_string(), "--json"]);
    command.env("ROADBOOK_WECOM_URL", simulator).env("ROADBOOK_MINIPROGRAM_URL", simulator);
    // Receivers of webhooks stand on this machine.
    command.env("ROADBOOK_WEBHOOKS_ALLOW_HTTP", "true");
    // One key plays everybody here.
    command.env("ROADBOOK_RATE_LIMIT_PER_MINUTE", "0");
    Ok(command)
}
