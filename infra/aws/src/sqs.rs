//! Queues of SQS: send, receive, delete, count. Which queue holds what is nobody's business here.
//!
//! Every message that goes into a FIFO queue gets a de-duplication id that was never used before, so that SQS swallows
//! nothing but the repetition of one request by the SDK: what is sent again on purpose arrives again.

use crate::outcome::fault_of;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use roadbook_runtime::ports::Fault;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages of one request, as SQS limits them.
pub const MESSAGES_MAX: usize = 10;
/// Bytes of all bodies of one request: below the 256 KB that SQS takes in every region, names and ids beside them.
pub const REQUEST_BYTES_MAX: usize = 250 * 1024;

/// A client of SQS.
#[derive(Debug)]
pub struct Sqs {
    client: Client,
    /// What this process draws its de-duplication ids from.
    seed: [RandomState; 2],
    drawn: AtomicU64,
}

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it says.
    pub body: String,
    /// Its group, for a FIFO queue and for no other.
    pub group: Option<String>,
    /// Seconds before anybody receives it, at most 900; only for a queue that is not FIFO.
    pub delay_s: u16,
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The queue's own name for it.
    pub id: String,
    /// What it says.
    pub body: String,
    /// Its group, in a FIFO queue.
    pub group: Option<String>,
    /// By what it is deleted.
    pub receipt: String,
    /// Times it was received, this one counted.
    pub received: u32,
}

/// How many messages a queue holds, about: SQS counts in several places and promises no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be received.
    pub visible: u64,
    /// Received, and neither deleted nor handed back.
    pub in_flight: u64,
    /// Not ready before their delay is over.
    pub delayed: u64,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing(***, {} bytes, group {:?}, in {} s)", self.body.len(), self.group, self.delay_s)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({}, ***, {} bytes, time {})", self.id, self.body.len(), self.received)
    }
}

impl Sqs {
    /// Queues behind a client.
    pub fn new(client: Client) -> Self {
        Self { client, seed: [RandomState::new(), RandomState::new()], drawn: AtomicU64::new(0) }
    }

    /// The client itself, to be changed where a test needs it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A name that nothing was sent under before. Not a secret: it only has to differ.
    fn fresh(&self) -> String {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.seed.iter().map(|seed| format!("{:016x}", seed.hash_one(n))).collect()
    }

    /// The address of the queue of that name.
    ///
    /// # Errors
    /// There is none, or SQS does not answer.
    pub async fn url(&self, name: &str) -> Result<String, Fault> {
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        let answer = answer.map_err(|error| fault_of("SQS", "find a queue", &error))?;
        answer.queue_url.ok_or_else(|| Fault::Store("SQS, find a queue: an answer without an address".into()))
    }

    /// Sends up to [`MESSAGES_MAX`] messages of [`REQUEST_BYTES_MAX`] in one request. One result per message: SQS may
    /// take some and not the others.
    ///
    /// # Errors
    /// The request failed: some of it may have been taken all the same.
    pub async fn send(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<(), Fault>>, Fault> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let mut request = self.client.send_message_batch().queue_url(queue);
        for (place, message) in messages.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(&message.body);
            let entry = match &message.group {
                Some(group) => entry.message_group_id(group).message_deduplication_id(self.fresh()),
                None => entry.delay_seconds(i32::from(message.delay_s)),
            };
            request = request.entries(entry.build().map_err(|_| unusual("send"))?);
        }
        let answer = request.send().await.map_err(|error| fault_of("SQS", "send", &error))?;
        let mut results: Vec<Result<(), Fault>> = vec![Err(unusual("send")); messages.len()];
        let mut put = |id: &str, result| {
            if let Some(place) = id.parse().ok().and_then(|place: usize| results.get_mut(place)) {
                *place = result;
            }
        };
        answer.successful().iter().for_each(|one| put(one.id(), Ok(())));
        for one in answer.failed() {
            put(one.id(), Err(Fault::Store(format!("SQS, send: {}", one.code()))));
        }
        Ok(results)
    }

    /// Receives up to [`MESSAGES_MAX`] messages and waits up to `wait_s` (at most 20) for the first. Nobody else receives
    /// them for `visibility_s`.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn receive(&self, queue: &str, wait_s: u8, visibility_s: u32) -> Result<Vec<Incoming>, Fault> {
        let request = self.client.receive_message().queue_url(queue).max_number_of_messages(MESSAGES_MAX as i32);
        let request = request.wait_time_seconds(i32::from(wait_s));
        let request = request.visibility_timeout(i32::try_from(visibility_s).unwrap_or(i32::MAX));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = request.send().await.map_err(|error| fault_of("SQS", "receive", &error))?;
        let read = |message: aws_sdk_sqs::types::Message| {
            let attribute = |name| message.attributes.as_ref().and_then(|all| all.get(&name)).cloned();
            let received = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
            Some(Incoming {
                group: attribute(MessageSystemAttributeName::MessageGroupId),
                received: received.and_then(|text| text.parse().ok()).unwrap_or(1),
                id: message.message_id?,
                body: message.body?,
                receipt: message.receipt_handle?,
            })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(read).collect())
    }

    /// Deletes received messages, up to [`MESSAGES_MAX`]: they are done.
    ///
    /// # Errors
    /// Some may still be there, and will be received again.
    pub async fn delete(&self, queue: &str, received: &[Incoming]) -> Result<(), Fault> {
        if received.is_empty() {
            return Ok(());
        }
        let mut request = self.client.delete_message_batch().queue_url(queue);
        for (place, one) in received.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(&one.receipt);
            request = request.entries(entry.build().map_err(|_| unusual("delete"))?);
        }
        let answer = request.send().await.map_err(|error| fault_of("SQS", "delete", &error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(first) => Err(Fault::Store(format!("SQS, delete: {}", first.code()))),
        }
    }

    /// Hands received messages back, up to [`MESSAGES_MAX`], to be received again in `after_s`.
    ///
    /// # Errors
    /// Some come back only when their time is over.
    pub async fn hand_back(&self, queue: &str, received: &[Incoming], after_s: u32) -> Result<(), Fault> {
        if received.is_empty() {
            return Ok(());
        }
        let mut request = self.client.change_message_visibility_batch().queue_url(queue);
        for (place, one) in received.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
            let entry = entry.receipt_handle(&one.receipt);
            let entry = entry.visibility_timeout(i32::try_from(after_s).unwrap_or(i32::MAX));
            request = request.entries(entry.build().map_err(|_| unusual("hand back"))?);
        }
        let answer = request.send().await.map_err(|error| fault_of("SQS", "hand back", &error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(first) => Err(Fault::Store(format!("SQS, hand back: {}", first.code()))),
        }
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn depth(&self, queue: &str) -> Result<Depth, Fault> {
        const ASKED: [QueueAttributeName; 3] = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.client.get_queue_attributes().queue_url(queue).set_attribute_names(Some(ASKED.to_vec()));
        let answer = request.send().await.map_err(|error| fault_of("SQS", "count", &error))?;
        let number = |name| {
            let text = answer.attributes.as_ref().and_then(|all| all.get(&name));
            text.and_then(|text| text.parse().ok()).ok_or_else(|| unusual("count"))
        };
        let [visible, in_flight, delayed] = ASKED.map(number);
        Ok(Depth { visible: visible?, in_flight: in_flight?, delayed: delayed? })
    }
}

fn unusual(tried: &str) -> Fault {
    Fault::Store(format!("SQS, {tried}: an answer or a request that is not whole"))
}
