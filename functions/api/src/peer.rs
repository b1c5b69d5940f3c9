//! Connections: from where a request came, and that each ends after its next answer once the process is about to stop.
//!
//! Only signing in asks from where, so only there it is noted: events pay for a comparison of paths. Behind a proxy the
//! address is the proxy's.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::serve::{IncomingStream, Listener};
use roadbook_app::App;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;
use tower::Service;

/// Where people sign in.
pub(crate) const SIGN_IN: &str = "/v1/auth/token";
/// Where they sign in to the console, which asks the path above for them and says from where.
const CONSOLE_SIGN_IN: &str = "/console/sign-in";

/// The router as `axum::serve` takes it: a request to sign in has its peer as `ConnectInfo<SocketAddr>`.
#[derive(Clone)]
pub struct Doors {
    router: Router,
    app: Arc<App>,
    /// Every open connection listens to it, which is how they are counted.
    open: watch::Sender<()>,
}

impl Doors {
    /// Doors to this router.
    pub fn new(router: Router, app: Arc<App>) -> Self {
        // Turns everything into routes once, and not with every connection.
        Self { router: router.with_state(()), app, open: watch::Sender::default() }
    }

    /// Returns when no connection is open.
    pub async fn unused(&self) {
        self.open.closed().await;
    }
}

/// The door of one connection.
#[derive(Clone)]
pub struct Door {
    router: Router,
    app: Arc<App>,
    peer: SocketAddr,
    _open: watch::Receiver<()>,
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Doors {
    type Response = Door;
    type Error = Infallible;
    type Future = Ready<Result<Door, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        let (router, app) = (self.router.clone(), self.app.clone());
        ready(Ok(Door { router, app, peer: *stream.remote_addr(), _open: self.open.subscribe() }))
    }
}

impl Service<Request> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if matches!(request.uri().path(), SIGN_IN | CONSOLE_SIGN_IN) {
            request.extensions_mut().insert(ConnectInfo(self.peer));
        }
        Answer { routed: self.router.call(request), app: self.app.clone() }
    }
}

/// An answer that is being made.
pub struct Answer {
    routed: RouteFuture<Infallible>,
    app: Arc<App>,
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = Pin::new(&mut self.routed).poll(context);
        let leaving = self.app.is_leaving();
        answered.map_ok(|mut response| {
            if leaving {
                // The client repeats nothing and sends no more on a connection that is about to be cut off.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        })
    }
}
