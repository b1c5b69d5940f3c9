//! A network that throttles, and loses requests and answers, on demand.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What becomes of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Works,
    /// It is turned away.
    Throttled,
    /// It never arrives.
    LosesRequest,
    /// It is applied; nobody hears of it.
    LosesAnswer,
    /// It is applied, and the answer is an error of the server.
    Breaks,
}

/// What changes something.
const WRITES: [&str; 5] = ["UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessageBatch"];

#[derive(Debug, Default)]
struct State {
    fates: VecDeque<Fate>,
    /// Operations of all writes so far.
    writes: Vec<String>,
    /// Operations of all reads so far, and whether each asked for the latest.
    reads: Vec<(String, bool)>,
}

/// The network. Reads always work, and are written down.
#[derive(Clone, Debug)]
pub struct Network {
    behind: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

impl Network {
    /// One that works.
    pub fn new() -> Self {
        Self { behind: aws_smithy_http_client::Builder::new().build_http(), state: Arc::default() }
    }

    /// As a client takes it.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// What becomes of the next writes; later ones work.
    pub fn expect(&self, fates: &[Fate]) {
        let mut state = self.state.lock().expect("no panic");
        state.fates = fates.iter().copied().collect();
        state.writes.clear();
        state.reads.clear();
    }

    /// The operations of all writes since [`Network::expect`].
    pub fn writes(&self) -> Vec<String> {
        self.state.lock().expect("no panic").writes.clone()
    }

    /// The operations of all reads since [`Network::expect`], each with whether it asked for the latest.
    pub fn reads(&self) -> Vec<(String, bool)> {
        self.state.lock().expect("no panic").reads.clone()
    }

    fn fate(&self, request: &HttpRequest) -> Fate {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let operation = operation.unwrap_or_default();
        if !WRITES.contains(&operation) {
            let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let latest = body.contains(r#""ConsistentRead":true"#);
            self.state.lock().expect("no panic").reads.push((operation.to_owned(), latest));
            return Fate::Works;
        }
        let mut state = self.state.lock().expect("no panic");
        state.writes.push(operation.to_owned());
        state.fates.pop_front().unwrap_or(Fate::Works)
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let behind = self.behind.http_connector(settings, components);
        SharedHttpConnector::new(Wire { behind, network: self.clone() })
    }
}

#[derive(Debug)]
struct Wire {
    behind: SharedHttpConnector,
    network: Network,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lost = || ConnectorError::io("the connection broke".into());
        match self.network.fate(&request) {
            Fate::Works => self.behind.call(request),
            Fate::Throttled => HttpConnectorFuture::ready(Ok(answer(400, "ProvisionedThroughputExceededException"))),
            Fate::LosesRequest => HttpConnectorFuture::ready(Err(lost())),
            Fate::LosesAnswer => {
                let applied = self.behind.call(request);
                HttpConnectorFuture::new(async move {
                    applied.await?;
                    Err(lost())
                })
            }
            Fate::Breaks => {
                let applied = self.behind.call(request);
                HttpConnectorFuture::new(async move {
                    applied.await?;
                    Ok(answer(500, "InternalServerError"))
                })
            }
        }
    }
}

fn answer(status: u16, code: &str) -> HttpResponse {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"as told"}}"#);
    HttpResponse::new(StatusCode::try_from(status).expect("a status"), SdkBody::from(body))
}
