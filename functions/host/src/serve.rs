//! `roadbook serve`.

use crate::assemble::{self, Host};
use crate::cli::Place;
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

/// Serves a folder until SIGTERM or Ctrl-C, then finishes what was taken.
///
/// # Errors
/// Settings, folder or port that cannot be used.
pub fn run(place: &Place, port: Option<u16>, as_json: bool) -> Result<()> {
    let format = if as_json { Format::Json } else { Format::Text };
    roadbook_observe::start(format, &log_filter());
    let config = config::load(place, port)?;
    let opened = assemble::open(&place.data, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
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
    for tenant in app.tenants.list().await? {
        host.lend_accounts(tenant.id);
    }
    let address = format!("{}:{}", app.config.host, app.config.port);
    let listener = tokio::net::TcpListener::bind(&address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}; is another process using it?"))?;
    socket::listen(&place.data, host.clone())?;
    Loops { engine: app.engine.clone(), deliver: app.router.deliver().clone(), channel: host.channel.clone() }.start();
    // Before anybody is told that the process is ready: a supervisor may stop it in the same instant.
    let stop = stop_signal()?;
    announce(listener.local_addr()?, keys, as_json);

    let drain_s = app.config.drain_s;
    let stopping = {
        let app = app.clone();
        async move {
            stop.await;
            tracing::info!("stopping: finishing what was taken");
            app.drain();
        }
    };
    let (stopped, wait) = tokio::sync::oneshot::channel();
    let signalled = async move {
        stopping.await;
        let _nobody_waits = stopped.send(());
    };
    let server = axum::serve(listener, roadbook_api::router(app)).with_graceful_shutdown(signalled);
    let server = async move { server.await };
    tokio::pin!(server);
    tokio::select! {
        result = &mut server => result?,
        () = async { let _ = wait.await; tokio::time::sleep(Duration::from_secs(drain_s)).await; } => {
            tracing::warn!(drain_s, "connections were still open after the time allowed; closing them");
        }
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
