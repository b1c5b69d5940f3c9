//! The administrator's socket: one JSON line asks, one JSON line answers. Mode 0600: whoever may open the data folder's
//! key file may use it.

use crate::admin::{Command, carry_out};
use crate::assemble::Host;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Pause after a connection that could not be accepted: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Where the socket of a folder lies; it stays when its server ends.
pub fn path(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Answers until the process ends.
///
/// # Errors
/// A socket that cannot be made.
pub fn listen(data: &Path, host: Arc<Host>) -> Result<()> {
    let path = path(data);
    // Left behind by a process that was killed; the store's lock says that nobody serves this folder now.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "an administrator could not be let in; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let host = host.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(stream, &host).await {
                    tracing::warn!(%error, "an administrator's command could not be answered");
                }
            });
        }
    });
    Ok(())
}

async fn serve(stream: UnixStream, host: &Host) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let command: Command = serde_json::from_str(&line)?;
    let answer = match carry_out(&host.app, command).await {
        Ok(value) => {
            host.lend_accounts(&host.app.tenants.list().await?)?;
            json!({ "ok": value })
        }
        Err(error) => json!({ "error": format!("{error:#}") }),
    };
    stream.write_all(format!("{answer}\n").as_bytes()).await?;
    Ok(())
}

/// Asks the process that serves a folder.
///
/// # Errors
/// A socket nobody answers, or the error of the command.
pub async fn ask(data: &Path, command: &Command) -> Result<Value> {
    let mut stream = BufReader::new(
        UnixStream::connect(path(data))
            .await
            .context("the folder is in use, and the process that serves it does not answer")?,
    );
    stream.write_all(format!("{}\n", serde_json::to_string(command)?).as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut answer: Value = serde_json::from_str(&line)?;
    match answer.get_mut("ok") {
        Some(value) => Ok(value.take()),
        None => bail!("{}", answer["error"].as_str().unwrap_or("no answer")),
    }
}
