//! `roadbook serve`.

use crate::assemble::{self, Host};
use crate::cli::Place;
use crate::loops::Loops;
use crate::{admin, config, socket};
use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use roadbook_observe::Format;
use roadbook_runtime::SystemClock;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

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
    socket::listen(&place.data, host.clone())?;
    let (stop_sending, stopped) = watch::channel(false);
    let deliver = app.router.deliver().clone();
    let (engine, router) = (app.engine.clone(), app.router.clone());
    let (channel, hooks) = (host.channel.clone(), host.hooks.clone());
    let sender = Loops { engine, deliver, router, channel, hooks }.start(stopped);
    // Before anybody is told that the process is ready: a supervisor may stop it in the same instant.
    let stop = stop_signal()?;
    announce(listener.local_addr()?, keys, as_json);

    let drain_s = app.config.drain_s;
    let mut doors = Doors::open(host, &listener)?;
    stop.await;
    tracing::info!("stopping: finishing what was taken");
    app.drain();
    doors.stop();
    tokio::select! {
        () = doors.closed() => {}
        () = tokio::time::sleep(Duration::from_secs(drain_s)) => {
            tracing::warn!(drain_s, "connections were still open after the time allowed; closing them");
        }
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

/// The HTTP servers: one beside each arbiter, all on one port.
struct Doors {
    stop: watch::Sender<bool>,
    closed: mpsc::Receiver<()>,
}

impl Doors {
    fn open(host: &Host, listener: &std::net::TcpListener) -> Result<Self> {
        let (stop, _) = watch::channel(false);
        let (open, closed) = mpsc::channel(1);
        let listeners = (0..host.app.config.arbiters).map(|_| listener.try_clone()).collect::<Result<Vec<_>, _>>()?;
        let mut listeners = listeners.into_iter();
        // One router for all doors: they share the limit on what is under way, and the counters.
        let api = roadbook_api::router(host.app.clone());
        let console = roadbook_pages::router(api.clone()).map_err(anyhow::Error::msg).context("prepare the console")?;
        let router = api.merge(console);
        let started = host.mailboxes.beside(|| {
            let (listener, router) = (listeners.next(), router.clone());
            let (stopped, open) = (stop.subscribe(), open.clone());
            async move {
                if let Some(listener) = listener
                    && let Err(error) = door(listener, router, stopped).await
                {
                    tracing::error!(%error, "a door closed");
                }
                drop(open);
            }
        });
        anyhow::ensure!(started, "a thread that runs turns has ended");
        Ok(Self { stop, closed })
    }

    /// Takes no new connection and ends each after what it has under way.
    fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Returns when every connection has ended.
    async fn closed(&mut self) {
        while self.closed.recv().await.is_some() {}
    }
}

async fn door(listener: std::net::TcpListener, router: axum::Router, mut stopped: watch::Receiver<bool>) -> Result<()> {
    // Registered with this arbiter's own runtime, so that its thread is the one that wakes.
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps gathering small writes");
        }
    });
    let stopped = async move {
        let _closed_or_stopped = stopped.wait_for(|stopped| *stopped).await;
    };
    axum::serve(listener, roadbook_api::Doors::new(router)).with_graceful_shutdown(stopped).await?;
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
