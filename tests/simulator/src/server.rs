//! HTTP: routes, and connections that can be cut without an answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::control;
use crate::platform::{Interface, Request};
use crate::world::{Ending, World};

/// State shared by all connections.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), changed: watch::Sender::new(0) }
    }

    /// Locks the world. A panic in another test thread leaves it readable.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for the journal.
    pub(crate) fn announce(&self) {
        self.changed.send_modify(|turn| *turn += 1);
    }

    /// Waits until `test` holds, looking again after every call and control action; false: the limit passed first.
    pub(crate) async fn wait_until(&self, limit: Duration, test: impl Fn(&World) -> bool) -> bool {
        let mut turns = self.changed.subscribe();
        let look = async {
            loop {
                {
                    let mut world = self.world();
                    world.settle();
                    if test(&world) {
                        return true;
                    }
                }
                if turns.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(limit, look).await.unwrap_or(false)
    }
}

/// Marks a response that must never be written: the connection is cut instead.
#[derive(Debug, Clone, Copy)]
struct Cut;

pub(crate) fn router(shared: Shared) -> Router {
    let mut router = control::routes();
    for interface in Interface::ALL {
        let handler = move |State(shared): State<Shared>,
                            Query(query): Query<BTreeMap<String, String>>,
                            headers: HeaderMap,
                            body: Bytes| async move {
            let key = headers.get("x-request-id").and_then(|key| key.to_str().ok()).map(str::to_owned);
            answer(&shared, interface, Request::read(query, key, &body)).await
        };
        let route = if interface.is_get() { get(handler) } else { post(handler) };
        router = router.route(interface.path(), route);
    }
    router.with_state(shared)
}

async fn answer(shared: &Shared, interface: Interface, request: Request) -> Response {
    let (ending, hold) = {
        let mut world = shared.world();
        (world.take(interface, &request), world.config.hold)
    };
    shared.announce();
    match ending {
        // The mini-program platform labels its JSON as text at times; a client must not rely on the label.
        Ending::Answer(json) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], json.to_string()).into_response()
        }
        Ending::GatewayError => {
            let page = "<html><body><h1>500 Internal Server Error</h1></body></html>";
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Ending::Close => cut(),
        Ending::HoldThenClose => {
            tokio::time::sleep(hold).await;
            cut()
        }
    }
}

fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

/// Accepts connections until dropped; open connections end with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, router.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // Without this, answers to keep-alive requests wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response =
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never: Infallible| match never {});
            // An error from the service makes the server drop the connection without writing a byte.
            if response.extensions().get::<Cut>().is_some() {
                return Err(std::io::Error::other("scripted cut"));
            }
            Ok(response)
        }
    });
    // A client that goes away is no concern of the platform.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
