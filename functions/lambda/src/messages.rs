//! A batch of a queue as Lambda hands it in, and the answer that says which of it comes again.

use lambda_runtime::LambdaEvent;
use roadbook_inbox::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A batch of one queue.
#[derive(Deserialize)]
pub struct Messages {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

/// The messages of a batch, in the order of their queue.
pub fn incoming(event: LambdaEvent<Messages>) -> Vec<Incoming> {
    let read = |mut record: Record| {
        let group = record.attributes.remove("MessageGroupId");
        Incoming { id: record.message_id, group, body: record.body }
    };
    event.payload.records.into_iter().map(read).collect()
}

/// These come again; the queue forgets the others.
pub fn again(failed: &[String]) -> Value {
    let failures: Vec<Value> = failed.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_runtime::Context;

    #[test]
    fn a_batch_reads_with_its_groups_and_its_answer_names_messages() {
        let batch = json!({ "Records": [
            { "messageId": "1", "body": "x", "attributes": { "MessageGroupId": "g", "SentTimestamp": "1" } },
            { "messageId": "2", "body": "y", "receiptHandle": "r" },
        ]});
        let messages = incoming(LambdaEvent::new(serde_json::from_value(batch).unwrap(), Context::default()));
        let read: Vec<_> =
            messages.iter().map(|one| (one.id.as_str(), one.group.as_deref(), one.body.as_str())).collect();
        assert_eq!(read, [("1", Some("g"), "x"), ("2", None, "y")]);
        assert_eq!(again(&["2".into()]), json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
        assert_eq!(again(&[]), json!({ "batchItemFailures": [] }), "an answer without the list would fail the batch");
    }
}
