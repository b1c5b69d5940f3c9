//! `roadbook serve`.

use crate::assemble::{self, Host};
use crate::cli::Place;
use crate::entrances::Entrances;
use crate::loops::Loops;
use crate::{admin, config, socket};
use anyhow::{Context, Result};
use roadbook_observe::Format;
use roadbook_runtime::SystemClock;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Serves a folder until SIGTERM or Ctrl-C, then finishes what was taken.
///
/// # Errors
/// Settings, folder or port that cannot be used.
pub fn run(place: &Place, port: Option<u16>, as_json: bool) -> Result<()> {
    let format = if as_json { Format::Json } else { Format::Text };
    roadbook_observe::start(format, &log_filter());
    let config = config::load(place, port)?;
    let opened = assemble::open(&place.data, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let served = runtime.block_on(async {
        let host = Arc::new(assemble::assemble(&opened, config, Arc::new(SystemClock))?);
        serve(place, &host, as_json).await
    });
    // The loops hold nothing that is not in the store; the store itself closes when the last user is gone.
    runtime.shutdown_timeout(Duration::from_secs(5));
    served
}

#[expect(clippy::disallowed_methods, reason = "binaries read the environment, once, here")]
fn log_filter() -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into())
}

async fn serve(place: &Place, host: &Arc<Host>, as_json: bool) -> Result<()> {
    let app = host.app.clone();
    let keys = admin::first_tenant(host).await?;
    host.lend_accounts(&app.tenants.list().await?)?;
    let address = format!("{}:{}", app.config.host, app.config.port);
    let listener = std::net::TcpListener::bind(&address);
    let listener = listener.with_context(|| format!("cannot listen on {address}; is another process using it?"))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    socket::listen(&place.data, host.clone())?;
    let (stop_sending, stopped) = watch::channel(false);
    let deliver = app.router.deliver().clone();
    let (engine, router) = (app.engine.clone(), app.router.clone());
    let (channel, hooks) = (host.channel.clone(), host.hooks.clone());
    let sender = Loops { engine, deliver, router, channel, hooks }.start(stopped);
    // Before anybody is told that the process is ready: a supervisor may stop it in the same instant.
    let stop = stop_signal()?;
    announce(address, keys, as_json);

    let drain_s = app.config.drain_s;
    let entrances = Entrances::open(host, &listener)?;
    // Each entrance has it, too: with the last of them it closes.
    drop(listener);
    stop.await;
    tracing::info!("stopping: finishing what was taken");
    if !entrances.leave(&app, Duration::from_secs(drain_s)).await {
        tracing::warn!(drain_s, "connections were still open after the time allowed; closing them");
    }
    stop_sending.send_replace(true);
    if tokio::time::timeout(Duration::from_secs(drain_s), sender).await.is_err() {
        tracing::warn!(
            drain_s,
            "a provider has not answered within the time allowed; its send is looked into at the next start"
        );
    }
    tracing::info!("stopped");
    Ok(())
}

/// Listens for SIGTERM and Ctrl-C from now on.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The one place where keys are printed, and only on the first start of a folder.
fn announce(address: SocketAddr, keys: Option<Value>, as_json: bool) {
    let url = format!("http://{address}");
    if as_json {
        let mut line = json!({ "url": url });
        if let (Some(line), Some(Value::Object(keys))) = (line.as_object_mut(), keys) {
            line.extend(keys);
        }
        println!("{line}");
        return;
    }
    println!("Roadbook is ready on {url}");
    if let Some(keys) = keys {
        let text = |name: &str| keys[name].as_str().unwrap_or_default().to_owned();
        println!("  tenant     {}", text("tenant"));
        println!("  admin key  {}   (keep it secret; shown this once)", text("admin_key"));
        println!("  write key  {}   (for SDKs; shown this once)", text("write_key"));
    }
}
