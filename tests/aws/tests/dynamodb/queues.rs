//! The suite of every queue, on SQS; and a network that fails in the middle of a batch.

use crate::emulator::Emulator;
use crate::network::{Fate, Network};
use async_trait::async_trait;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{Credentials, SharedHttpClient};
use aws_sdk_sqs::types::QueueAttributeName;
use roadbook_aws::{Incoming, QueueUrls, Queues, Settings, Sqs, connect_both};
use roadbook_it::queues::{Bench, run};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Clock, Parcel, Queue, QueueName};
use roadbook_runtime::{Received, SystemClock};
use std::sync::atomic::{AtomicU32, Ordering};

/// Nobody else receives a message for so long: longer than any test.
const VISIBILITY_S: u32 = 600;

/// Fresh queues in the emulator.
struct Fresh(Queues);

impl Fresh {
    /// Behind a network of one's own, where one is given; then the client repeats only where `repeats`.
    async fn over(emulator: &Emulator, network: Option<SharedHttpClient>, repeats: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("q{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let settings = Settings { region: Some("us-east-1".into()), endpoint: Some(emulator.endpoint().into()) };
        let (_, sqs) = connect_both(&settings).await;
        let mut config = sqs.client().config().to_builder();
        config = config.credentials_provider(Credentials::new("test", "test", None, None, "emulator"));
        let plain = aws_sdk_sqs::Client::from_conf(config.clone().build());
        if let Some(network) = network {
            config = config.http_client(network);
        }
        if !repeats {
            config = config.retry_config(RetryConfig::disabled());
        }
        let make = async |name: &str| {
            let fifo = name.ends_with(".fifo");
            let mut request = plain.create_queue().queue_name(format!("{prefix}-{name}"));
            if fifo {
                request = request.attributes(QueueAttributeName::FifoQueue, "true");
                request = request.attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId");
                request = request.attributes(QueueAttributeName::DeduplicationScope, "messageGroup");
            }
            request.send().await.expect("a queue").queue_url.expect("an address")
        };
        let urls = QueueUrls {
            inbox: make("inbox.fifo").await,
            pokes: make("pokes").await,
            sends: make("sends").await,
            announcements: make("announcements").await,
        };
        Self(Queues::new(Sqs::new(aws_sdk_sqs::Client::from_conf(config.build())), urls))
    }

    fn url(&self, queue: QueueName) -> &str {
        self.0.urls().of(queue)
    }
}

fn outside(received: &[Received]) -> Vec<Incoming> {
    let incoming = |one: &Received| Incoming {
        id: String::new(),
        body: String::new(),
        group: None,
        receipt: one.id.clone(),
        received: one.received,
    };
    received.iter().map(incoming).collect()
}

#[async_trait]
impl Bench for Fresh {
    fn queue(&self) -> &dyn Queue {
        &self.0
    }

    fn now(&self) -> Moment {
        SystemClock.now()
    }

    async fn receive(&self, queue: QueueName, within_ms: i64) -> Vec<Received> {
        let wait_s = u8::try_from(within_ms / 1_000).expect("seconds");
        let incoming = self.0.sqs().receive(self.url(queue), wait_s, VISIBILITY_S).await.expect("no fault");
        let received =
            |one: Incoming| Received { id: one.receipt, group: one.group, body: one.body, received: one.received };
        incoming.into_iter().map(received).collect()
    }

    async fn done(&self, queue: QueueName, received: &[Received]) {
        self.0.sqs().delete(self.url(queue), &outside(received)).await.expect("no fault");
    }

    async fn back(&self, queue: QueueName, received: &[Received]) {
        self.0.sqs().hand_back(self.url(queue), &outside(received), 0).await.expect("no fault");
    }
}

fn parcels(groups: &[&str]) -> Vec<Parcel> {
    let parcel = |(place, group): (usize, &&str)| Parcel {
        group: (*group).into(),
        body: format!("{group}{place}"),
        events: vec![place],
    };
    groups.iter().enumerate().map(parcel).collect()
}

async fn bodies(fresh: &Fresh) -> Vec<String> {
    let mut all: Vec<String> =
        fresh.receive(QueueName::Inbox, 0).await.into_iter().map(|received| received.body).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqs_conforms() {
    let Some(emulator) = Emulator::find("sqs_conforms") else { return };
    run(async || Fresh::over(&emulator, None, true).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_failed_message_the_rest_of_its_group_is_not_sent() {
    let Some(emulator) = Emulator::find("after_a_failed_message_the_rest_of_its_group_is_not_sent") else { return };
    let network = Network::new();
    let fresh = Fresh::over(&emulator, Some(network.client()), false).await;
    // Rounds: {a, b}, {a}, {a}. The second fails.
    network.expect(&[Fate::Works, Fate::LosesRequest]);
    let results = fresh.0.accept(parcels(&["a", "b", "a", "a"])).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, false], "{results:?}");
    assert_eq!(network.writes().len(), 2, "the third was not asked for");
    assert_eq!(bodies(&fresh).await, ["a0", "b1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_repeated_by_the_client_is_taken_once() {
    let Some(emulator) = Emulator::find("a_request_repeated_by_the_client_is_taken_once") else { return };
    let network = Network::new();
    let fresh = Fresh::over(&emulator, Some(network.client()), true).await;
    network.expect(&[Fate::LosesAnswer, Fate::Works]);
    let results = fresh.0.accept(parcels(&["a"])).await;
    assert!(results.iter().all(Result::is_ok) && network.writes().len() == 2, "{results:?}");
    assert_eq!(bodies(&fresh).await, ["a0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_that_is_not_there_is_named_as_the_cause() {
    let Some(emulator) = Emulator::find("a_queue_that_is_not_there_is_named_as_the_cause") else { return };
    let fresh = Fresh::over(&emulator, None, false).await;
    let urls = QueueUrls { inbox: format!("{}x", fresh.url(QueueName::Inbox)), ..QueueUrls::default() };
    let sqs = Sqs::new(fresh.0.sqs().client().clone());
    let results = Queues::new(sqs, urls).accept(parcels(&["a"])).await;
    let told = results[0].as_ref().expect_err("there is none").to_string();
    assert!(told.contains("no such queue"), "{told}");
}
