//! From where a request came. Only signing in asks, so only there it is noted: events pay for a comparison of paths.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tower::Service;

/// The path whose requests know their peer.
pub(crate) const SIGN_IN: &str = "/v1/auth/token";

/// The address a request came from, in its extensions. Behind a proxy it is the proxy's.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The router as `axum::serve` takes it, with peers.
#[derive(Clone)]
pub struct Doors(Router);

impl Doors {
    /// Doors to this router.
    pub fn new(router: Router) -> Self {
        // Turns everything into routes once, and not with every connection.
        Self(router.with_state(()))
    }
}

/// The door of one connection.
#[derive(Clone)]
pub struct Door {
    router: Router,
    peer: IpAddr,
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Doors {
    type Response = Door;
    type Error = Infallible;
    type Future = Ready<Result<Door, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(Door { router: self.0.clone(), peer: stream.remote_addr().ip() }))
    }
}

impl Service<Request> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if request.uri().path() == SIGN_IN {
            request.extensions_mut().insert(Peer(self.peer));
        }
        self.router.call(request)
    }
}
