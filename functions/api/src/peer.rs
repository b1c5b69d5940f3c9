//! From where a request came. Only signing in asks, so only there it is noted: events pay for a comparison of paths.
//! Behind a proxy the address is the proxy's.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tower::Service;

/// Where people sign in.
pub(crate) const SIGN_IN: &str = "/v1/auth/token";
/// Where they sign in to the console, which asks the path above for them and says from where.
const CONSOLE_SIGN_IN: &str = "/console/sign-in";

/// The router as `axum::serve` takes it: a request to sign in has its peer as `ConnectInfo<SocketAddr>`.
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
    peer: SocketAddr,
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Doors {
    type Response = Door;
    type Error = Infallible;
    type Future = Ready<Result<Door, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(Door { router: self.0.clone(), peer: *stream.remote_addr() }))
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
        if matches!(request.uri().path(), SIGN_IN | CONSOLE_SIGN_IN) {
            request.extensions_mut().insert(ConnectInfo(self.peer));
        }
        self.router.call(request)
    }
}
