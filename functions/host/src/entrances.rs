//! The HTTP servers: one beside each arbiter, all on one port.
//!
//! They close in three steps, so that nobody who had sent a request when the signal came is left without an answer:
//! connections that stand before the door are let in and the port is closed; for a moment whatever has been sent on any
//! connection is taken, and each ends with its answer; then idle connections are closed and nothing is taken any more.

use crate::assemble::Host;
use anyhow::{Context, Result};
use axum::serve::Listener;
use roadbook_api::Doors;
use roadbook_app::App;
use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// For so long requests on open connections are still taken: what was sent before the signal has arrived by then, also
/// from another continent, 150 ms away, and with a packet that was lost. A stop with idle connections lasts so much
/// longer.
const MOMENT: Duration = Duration::from_secs(1);
/// Pause after a connection that could not be accepted: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Open,
    /// No new connections.
    Leaving,
    /// Idle connections end.
    Closing,
}

/// All entrances.
pub struct Entrances {
    step: watch::Sender<Step>,
    doors: Doors,
    /// Ends with the last port that is closed.
    ports: mpsc::Receiver<()>,
    /// Ends with the last server.
    served: mpsc::Receiver<()>,
}

impl Entrances {
    /// Opens them.
    ///
    /// # Errors
    /// An arbiter that has ended, a socket that cannot be shared.
    pub fn open(host: &Host, listener: &std::net::TcpListener) -> Result<Self> {
        let (step, _) = watch::channel(Step::Open);
        let (port, ports) = mpsc::channel(1);
        let (serving, served) = mpsc::channel(1);
        let listeners = (0..host.app.config.arbiters).map(|_| listener.try_clone()).collect::<Result<Vec<_>, _>>()?;
        let mut listeners = listeners.into_iter();
        // One router for all: they share the limit on what is under way, and the counters.
        let api = roadbook_api::router(host.app.clone());
        let console = roadbook_pages::router(api.clone()).map_err(anyhow::Error::msg).context("prepare the console")?;
        let doors = Doors::new(api.merge(console), host.app.clone());
        let started = host.mailboxes.beside(|| {
            let (listener, doors, steps) = (listeners.next(), doors.clone(), step.subscribe());
            let (port, serving) = (port.clone(), serving.clone());
            async move {
                if let Some(listener) = listener
                    && let Err(error) = serve(listener, port, doors, steps).await
                {
                    tracing::error!(%error, "an entrance closed");
                }
                drop(serving);
            }
        });
        anyhow::ensure!(started, "a thread that runs turns has ended");
        Ok(Self { step, doors, ports, served })
    }

    /// Closes them. `false`: connections were still open after `patience`.
    pub async fn leave(mut self, app: &App, patience: Duration) -> bool {
        app.leave();
        self.step.send_replace(Step::Leaving);
        let _late = tokio::time::timeout(MOMENT, async {
            end(&mut self.ports).await;
            self.doors.unused().await;
        })
        .await;
        app.drain();
        self.step.send_replace(Step::Closing);
        tokio::time::timeout(patience, end(&mut self.served)).await.is_ok()
    }
}

async fn end(all: &mut mpsc::Receiver<()>) {
    while all.recv().await.is_some() {}
}

async fn serve(
    listener: std::net::TcpListener,
    port: mpsc::Sender<()>,
    doors: Doors,
    steps: watch::Receiver<Step>,
) -> Result<()> {
    let mut closing = steps.clone();
    // Registered with this arbiter's own runtime, so that its thread is the one that wakes.
    let listener = TcpListener::from_std(listener)?;
    let entrance = Entrance { listener: Some(listener), waiting: VecDeque::new(), port: Some(port), steps };
    let closing = async move {
        let _closed_or_gone = closing.wait_for(|step| *step == Step::Closing).await;
    };
    axum::serve(entrance, doors).with_graceful_shutdown(closing).await?;
    Ok(())
}

/// A port that closes before its connections do.
struct Entrance {
    listener: Option<TcpListener>,
    /// Who stood before the door when it was closed.
    waiting: VecDeque<(TcpStream, SocketAddr)>,
    /// Given up when the last of them has been let in.
    port: Option<mpsc::Sender<()>>,
    steps: watch::Receiver<Step>,
}

impl Entrance {
    /// Lets in who has connected, and closes the port. The port itself is asked: what the runtime knows of it trails.
    fn close(&mut self, listener: TcpListener) -> std::io::Result<()> {
        let listener = listener.into_std()?;
        while let Ok((stream, address)) = listener.accept() {
            stream.set_nonblocking(true)?;
            self.waiting.push_back((TcpStream::from_std(stream)?, address));
        }
        Ok(())
    }
}

impl Listener for Entrance {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some((stream, address)) = self.waiting.pop_front() {
                return at_once(stream, address);
            }
            let Some(listener) = &self.listener else {
                self.port = None;
                return pending().await;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => Some(accepted),
                _ = self.steps.wait_for(|step| *step >= Step::Leaving) => None,
            };
            match accepted {
                Some(Ok((stream, address))) => return at_once(stream, address),
                Some(Err(error)) if is_of_the_peer(&error) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, "a connection could not be accepted; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => {
                    if let Some(listener) = self.listener.take()
                        && let Err(error) = self.close(listener)
                    {
                        tracing::warn!(%error, "a connection that waited could not be let in");
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.as_ref().map_or_else(|| Err(std::io::ErrorKind::NotConnected.into()), TcpListener::local_addr)
    }
}

fn at_once(stream: TcpStream, address: SocketAddr) -> (TcpStream, SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps gathering small writes");
    }
    (stream, address)
}

/// It went away before it was let in.
fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
