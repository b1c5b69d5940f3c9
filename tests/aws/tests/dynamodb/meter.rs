//! A network that counts: requests, and the units that DynamoDB would bill for them.
//!
//! Units are computed from the items as they are before and after a request, by the rules of its documentation. What the
//! emulator says it consumed is kept beside, for a test to compare: its own answer is wrong for reads, which it bills by
//! the request and not by the size.

use crate::units::{self, Image};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// One request and what it consumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// `UpdateItem`, `Query` and so on.
    pub operation: String,
    /// Whether the due index was asked.
    pub of_index: bool,
    /// Write units of the table.
    pub writes: f64,
    /// Write units of the due index.
    pub index: f64,
    /// Read units.
    pub reads: f64,
    /// Write units in all, as the emulator has them.
    pub told: Option<f64>,
    /// Bytes of each item that was written, as it is now.
    pub written: Vec<usize>,
}

impl Call {
    /// Write units of table and index.
    pub fn write_units(&self) -> f64 {
        self.writes + self.index
    }
}

#[derive(Debug, Default)]
struct State {
    counts: bool,
    calls: Vec<Call>,
}

/// The network.
#[derive(Clone, Debug)]
pub struct Meter {
    behind: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

impl Meter {
    /// One that does not count yet.
    pub fn new() -> Self {
        Self { behind: aws_smithy_http_client::Builder::new().build_http(), state: Arc::default() }
    }

    /// As a client takes it.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// What `work` asks for, and what comes of it.
    pub async fn of<T>(&self, work: impl Future<Output = T>) -> (Vec<Call>, T) {
        *self.state.lock().expect("no panic") = State { counts: true, calls: Vec::new() };
        let done = work.await;
        let state = std::mem::take(&mut *self.state.lock().expect("no panic"));
        (state.calls, done)
    }

    fn counts(&self) -> bool {
        self.state.lock().expect("no panic").counts
    }
}

impl HttpClient for Meter {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let behind = self.behind.http_connector(settings, components);
        SharedHttpConnector::new(Wire { behind, meter: self.clone() })
    }
}

#[derive(Clone, Debug)]
struct Wire {
    behind: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.meter.counts() {
            return self.behind.call(request);
        }
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.counted(request).await })
    }
}

impl Wire {
    async fn counted(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut asked: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let keys = units::written_keys(&operation, &asked);
        let mut images = Vec::with_capacity(keys.len());
        for (table, key) in &keys {
            images.push(Image { before: self.item(&request, table, key).await?, after: Value::Null });
        }
        asked["ReturnConsumedCapacity"] = json!("INDEXES");
        let mut response = self.behind.call(with(&request, &operation, &asked)).await?;
        let answered = body(&mut response).await?;
        for ((table, key), image) in keys.iter().zip(&mut images) {
            image.after = self.item(&request, table, key).await?;
        }
        let mut call = Call { told: told(&answered), ..units::of_writes(&operation, &images) };
        call.of_index = asked["IndexName"].is_string();
        call.reads = match operation.as_str() {
            "GetItem" => {
                let item = self.item(&request, asked["TableName"].as_str().unwrap_or_default(), &asked["Key"]).await?;
                units::of_read(&asked, units::bytes(&item))
            }
            "BatchGetItem" => self.batch(&request, &asked).await?,
            "Query" => units::of_read(&asked, self.examined(&request, &asked, &answered).await?),
            _ => 0.0,
        };
        call.operation = operation;
        self.meter.state.lock().expect("no panic").calls.push(call);
        Ok(response)
    }

    /// Read units of several items: each is billed by itself, one that is not there too.
    async fn batch(&self, like: &HttpRequest, asked: &Value) -> Result<f64, ConnectorError> {
        let mut reads = 0.0;
        for (table, ask) in asked["RequestItems"].as_object().into_iter().flatten() {
            for key in ask["Keys"].as_array().into_iter().flatten() {
                reads += units::of_read(ask, units::bytes(&self.item(like, table, key).await?));
            }
        }
        Ok(reads)
    }

    /// Bytes of the whole items that a query's answer shows: it is billed by them, whatever it shows of each.
    async fn examined(&self, like: &HttpRequest, asked: &Value, answered: &Value) -> Result<usize, ConnectorError> {
        let mut bytes = 0;
        for item in answered["Items"].as_array().into_iter().flatten() {
            bytes += if asked["ProjectionExpression"].is_null() {
                units::bytes(item)
            } else {
                let key = json!({ "pk": asked["ExpressionAttributeValues"][":p"], "sk": item["sk"] });
                let whole = self.item(like, asked["TableName"].as_str().unwrap_or_default(), &key).await?;
                units::bytes(&whole)
            };
        }
        Ok(bytes)
    }

    /// An item as it is, read beside the count; null where there is none.
    async fn item(&self, like: &HttpRequest, table: &str, key: &Value) -> Result<Value, ConnectorError> {
        let ask = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let mut response = self.behind.call(with(like, "GetItem", &ask)).await?;
        Ok(body(&mut response).await?["Item"].take())
    }
}

/// Another request to the same place. The emulator verifies no signature.
fn with(like: &HttpRequest, operation: &str, body: &Value) -> HttpRequest {
    let mut request = like.try_clone().expect("a request in memory");
    let text = body.to_string();
    request.headers_mut().insert("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    request
}

/// Reads an answer, and puts it back.
async fn body(response: &mut HttpResponse) -> Result<Value, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    let bytes = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::other(error.into(), None))?;
    let bytes = bytes.into_bytes();
    *response.body_mut() = SdkBody::from(bytes.clone());
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// What the emulator says a request consumed.
fn told(answered: &Value) -> Option<f64> {
    match &answered["ConsumedCapacity"] {
        Value::Array(all) => Some(all.iter().filter_map(|one| one["CapacityUnits"].as_f64()).sum()),
        one => one["CapacityUnits"].as_f64(),
    }
}
