//! An emulator, fresh tables in it, and what their stream brings.

use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_sdk_dynamodbstreams as streams;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roadbook_aws::{Dynamo, Settings, connect, tables};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Carried, Ledger, Turn};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Mutex;

/// Where an emulator listens.
pub struct Emulator {
    endpoint: String,
}

impl Emulator {
    /// The emulator the environment names; `None` where it names none, and the test is not run.
    pub fn find(test: &str) -> Option<Self> {
        roadbook_aws_it::emulator(test).map(|endpoint| Self { endpoint })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client of it, through a network of one's own where one is given.
    pub async fn client(&self, network: Option<SharedHttpClient>) -> Client {
        let settings = Settings { region: Some("us-east-1".into()), endpoint: Some(self.endpoint.clone()) };
        let client = connect(&settings).await;
        let mut config = client.config().to_builder().credentials_provider(credentials());
        if let Some(network) = network {
            config = config.http_client(network);
        }
        Client::from_conf(config.build())
    }

    /// Fresh, empty tables.
    pub async fn place(&self) -> Place {
        self.place_over(None).await
    }

    /// Fresh, empty tables behind a network of one's own. It is used from the first request on.
    pub async fn place_over(&self, network: Option<SharedHttpClient>) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let client = self.client(network).await;
        tables::create(&self.client(None).await, &prefix).await.expect("tables");
        self.at(&client, prefix)
    }

    fn at(&self, client: &Client, prefix: String) -> Place {
        let config = streams::Config::builder()
            .behavior_version(streams::config::BehaviorVersion::v2026_01_12())
            .endpoint_url(&self.endpoint)
            .region(streams::config::Region::new("us-east-1"))
            .credentials_provider(credentials())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let streams = streams::Client::from_conf(config);
        Place { dynamo: Arc::new(Dynamo::new(client, &prefix)), prefix, streams, iterator: Mutex::new(None) }
    }
}

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "emulator")
}

/// Two tables with their stream.
pub struct Place {
    /// What is tested.
    pub dynamo: Arc<Dynamo>,
    /// What the tables' names begin with.
    pub prefix: String,
    streams: streams::Client,
    iterator: Mutex<Option<String>>,
}

impl Place {
    /// The same tables, in a process that begins to read their stream from its beginning.
    pub async fn again(emulator: &Emulator, place: &Self) -> Self {
        emulator.at(&emulator.client(None).await, place.prefix.clone())
    }

    /// The records the stream brought since the last call, in the form a function is given them.
    pub async fn records(&self) -> Vec<EventRecord> {
        let mut place = self.iterator.lock().await;
        let mut iterator = match place.take() {
            Some(iterator) => iterator,
            None => self.beginning().await,
        };
        let mut records = Vec::new();
        loop {
            let answer = self.streams.get_records().shard_iterator(&iterator).limit(1_000).send().await;
            let answer = answer.expect("records of the stream");
            let brought = answer.records.unwrap_or_default();
            iterator = answer.next_shard_iterator.expect("a stream that goes on");
            if brought.is_empty() {
                break;
            }
            records.extend(brought.iter().map(as_event));
        }
        *place = Some(iterator);
        records
    }

    async fn beginning(&self) -> String {
        let table = tables::name(&self.prefix, &tables::ITEMS);
        let found = self.streams.list_streams().table_name(table).send().await.expect("streams");
        let arn = found.streams()[0].stream_arn().expect("a stream has a name").to_owned();
        let described = self.streams.describe_stream().stream_arn(&arn).send().await.expect("a stream");
        let shards = described.stream_description.expect("a description").shards.unwrap_or_default();
        let [shard] = &shards[..] else { panic!("the emulator has one shard") };
        let ask = self.streams.get_shard_iterator().stream_arn(arn).shard_id(shard.shard_id().expect("a name"));
        let ask = ask.shard_iterator_type(streams::types::ShardIteratorType::TrimHorizon);
        ask.send().await.expect("an iterator").shard_iterator.expect("an iterator")
    }

    /// An actor's row as it is stored: bytes by attribute.
    pub async fn row(&self, actor: &ActorKey) -> BTreeMap<String, usize> {
        let records = self.whole_stream().await;
        let mine = |record: &&EventRecord| match record.change.keys.get("sk") {
            Some(serde_dynamo::AttributeValue::B(local)) => *local == actor.to_bytes()[16..],
            _ => false,
        };
        let last = records.iter().rfind(mine).expect("the row was written");
        let size = |value: &serde_dynamo::AttributeValue| match value {
            serde_dynamo::AttributeValue::B(bytes) => bytes.len(),
            serde_dynamo::AttributeValue::S(text) | serde_dynamo::AttributeValue::N(text) => text.len(),
            serde_dynamo::AttributeValue::Ns(numbers) => numbers.iter().map(String::len).sum(),
            _ => 0,
        };
        last.change.new_image.iter().map(|(name, value)| (name.clone(), size(value))).collect()
    }

    async fn whole_stream(&self) -> Vec<EventRecord> {
        let going_on = self.iterator.lock().await.take();
        let records = self.records().await;
        *self.iterator.lock().await = going_on;
        records
    }

    /// The turns the stream brought since the last call.
    pub async fn turns(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        for record in self.records().await {
            turns.extend(self.dynamo.brought(&record).await.expect("a record of our table"));
        }
        turns
    }

    /// What the end of the relay does: every turn has its row in History.
    pub async fn settle(&self) {
        let carried = |turn| Carried { turn, messages: Vec::new(), adds: Vec::new() };
        let turns = self.turns().await;
        self.dynamo.note(turns.into_iter().map(carried).collect()).await.expect("noted");
    }
}

/// A record as the streams' API has it, in the shape in which a function gets it.
fn as_event(record: &streams::types::Record) -> EventRecord {
    let change = record.dynamodb().expect("a change");
    let image = |attributes: Option<&std::collections::HashMap<String, streams::types::AttributeValue>>| {
        let values = attributes.into_iter().flatten();
        Value::Object(values.map(|(name, value)| (name.clone(), as_json(value))).collect::<Map<_, _>>())
    };
    let event = json!({
        "awsRegion": "us-east-1",
        "eventID": record.event_id(),
        "eventName": record.event_name().map(|name| name.as_str()),
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "ApproximateCreationDateTime": 0,
            "Keys": image(change.keys()),
            "NewImage": image(change.new_image()),
            "SequenceNumber": change.sequence_number(),
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    });
    serde_json::from_value(event).expect("the shape of an event")
}

fn as_json(value: &streams::types::AttributeValue) -> Value {
    use streams::types::AttributeValue as Is;
    match value {
        Is::B(blob) => json!({ "B": BASE64_STANDARD.encode(blob) }),
        Is::N(number) => json!({ "N": number }),
        Is::S(text) => json!({ "S": text }),
        Is::Ns(numbers) => json!({ "NS": numbers }),
        other => panic!("no attribute of ours is {other:?}"),
    }
}
