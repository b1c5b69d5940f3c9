//! `roadbook-ops redrive`: brings dead letters of a queue back into it. The China regions have no redrive of their own.
//!
//! Receive, send, delete, in this order: whatever happens in between, a message is in one of the two queues, or for a
//! moment in both, and what comes twice is recognised by its message id. Each is sent under a fresh de-duplication id (a
//! repeated one would be swallowed for five minutes), and keeps its group.

use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use roadbook_aws::{Incoming, MESSAGES_MAX, Outgoing, REQUEST_BYTES_MAX, Sqs};
use serde::Deserialize;
use serde_json::{Value, json};

/// Seconds for which a message that is being moved is shown to nobody else.
const MOVING_S: u32 = 60;
/// Seconds a receive waits for the first message.
const WAIT_S: u8 = 1;
/// Empty answers after which a queue is taken for empty: SQS asks only some of its hosts each time.
const EMPTY_MAX: u32 = 2;

/// A queue whose dead letters can come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Queue {
    /// What was accepted and could not be decided.
    Inbox,
    /// Actors to be looked at.
    Pokes,
    /// Messages to people.
    Sends,
    /// Announcements to webhook endpoints.
    Announcements,
    /// What the relay could not carry: it looks for it on the rows and carries it.
    Uncarried,
}

impl Queue {
    /// The names of the queue and of its dead letters.
    fn names(self, stack: &str) -> (String, String) {
        match self {
            Self::Inbox => (format!("{stack}-inbox.fifo"), format!("{stack}-inbox-dead.fifo")),
            Self::Pokes => (format!("{stack}-pokes"), format!("{stack}-pokes-dead")),
            Self::Sends => (format!("{stack}-sends"), format!("{stack}-sends-dead")),
            Self::Announcements => (format!("{stack}-announcements"), format!("{stack}-announcements-dead")),
            Self::Uncarried => (String::new(), format!("{stack}-uncarried")),
        }
    }
}

/// Brings back up to `max` messages.
///
/// # Errors
/// A queue is not there, or AWS says no: what was not moved is still in the dead letters.
pub async fn redrive(name: &str, queue: Queue, max: u64, dry_run: bool) -> Result<()> {
    let stack = Stack::find(name).await?;
    let queues = stack.queues();
    let (to, from) = queue.names(name);
    let dead = queues.url(&from).await.with_context(|| format!("the queue {from}"))?;
    let depth = queues.depth(&dead).await?;
    println!("{from}: {} messages, {} more are being received by somebody", depth.visible, depth.in_flight);
    if dry_run {
        println!("Nothing was moved: a dry run.");
        return Ok(());
    }
    if queue == Queue::Uncarried {
        let carried = repair(&stack).await?;
        // They say where the stream failed, and nothing else: what was meant is on the rows and is carried now.
        let removed = drain(&queues, &dead, depth.visible.min(max)).await?;
        println!("The relay carried {carried} turns. {removed} messages that said where it had stopped were removed.");
        return Ok(());
    }
    let live = queues.url(&to).await.with_context(|| format!("the queue {to}"))?;
    let moved = bring_back(&queues, &dead, &live, max).await?;
    println!("{moved} messages are in {to} again. What fails again comes back here: look at why it failed first.");
    Ok(())
}

async fn bring_back(queues: &Sqs, dead: &str, live: &str, max: u64) -> Result<u64> {
    let (mut moved, mut empty) = (0, 0);
    while moved < max && empty < EMPTY_MAX {
        let mut received = queues.receive(dead, WAIT_S, MOVING_S).await?;
        let beyond = received.split_off(received.len().min(usize::try_from(max - moved).unwrap_or(usize::MAX)));
        queues.hand_back(dead, &beyond, 0).await?;
        empty = if received.is_empty() { empty + 1 } else { 0 };
        for batch in batches(&received) {
            let outgoing: Vec<Outgoing> = batch.iter().map(again).collect();
            let sent = queues.send(live, &outgoing).await;
            let sent = sent.with_context(|| format!("after {moved} messages; the rest stays where it is"))?;
            let (done, failed): (Vec<_>, Vec<_>) = batch.iter().zip(&sent).partition(|(_, sent)| sent.is_ok());
            let done: Vec<Incoming> = done.into_iter().map(|(message, _)| message.clone()).collect();
            // One that is not deleted comes once more, and is a duplicate then.
            queues.delete(dead, &done).await?;
            moved += done.len() as u64;
            if let Some((_, Err(fault))) = failed.first() {
                bail!("{fault}, after {moved} messages; the rest stays where it is");
            }
        }
    }
    Ok(moved)
}

fn again(message: &Incoming) -> Outgoing {
    Outgoing { body: message.body.clone(), group: message.group.clone(), delay_s: 0 }
}

/// As many as one request takes, in order.
fn batches(received: &[Incoming]) -> Vec<&[Incoming]> {
    let (mut all, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (place, message) in received.iter().enumerate() {
        if place > start && (place - start == MESSAGES_MAX || bytes + message.body.len() > REQUEST_BYTES_MAX) {
            all.push(&received[start..place]);
            (start, bytes) = (place, 0);
        }
        bytes += message.body.len();
    }
    all.extend((start < received.len()).then(|| &received[start..]));
    all
}

async fn drain(queues: &Sqs, queue: &str, max: u64) -> Result<u64> {
    let (mut removed, mut empty) = (0, 0);
    while removed < max && empty < EMPTY_MAX {
        let received = queues.receive(queue, WAIT_S, MOVING_S).await?;
        empty = if received.is_empty() { empty + 1 } else { 0 };
        queues.delete(queue, &received).await?;
        removed += received.len() as u64;
    }
    Ok(removed)
}

/// What the relay answers to an operator.
#[derive(Deserialize)]
struct Answer {
    carried: u64,
    next: Value,
}

async fn repair(stack: &Stack) -> Result<u64> {
    let (relay, functions) = (stack.role("relay")?, stack.functions());
    let (mut carried, mut from) = (0, Value::Null);
    loop {
        let order = json!({ "do": "repair", "from": from }).to_string();
        let answer = functions.invoke(&relay.name, &order).await?;
        let answer: Answer = serde_json::from_slice(&answer).context("an answer of the relay that does not read")?;
        carried += answer.carried;
        if answer.next.is_null() {
            return Ok(carried);
        }
        println!("  {carried} turns so far");
        from = answer.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Incoming {
        let (id, receipt, group) = (String::new(), String::new(), Some("g".to_owned()));
        Incoming { id, body: "x".repeat(bytes), group, receipt, received: 6 }
    }

    #[test]
    fn a_message_keeps_its_words_and_its_group() {
        let one = message(3);
        assert!(again(&one) == Outgoing { body: "xxx".into(), group: Some("g".into()), delay_s: 0 });
    }

    #[test]
    fn a_request_takes_ten_messages_or_its_bytes() {
        let lengths = |sizes: &[usize]| {
            let all: Vec<Incoming> = sizes.iter().map(|bytes| message(*bytes)).collect();
            batches(&all).iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[1; 12]), [10, 2]);
        assert_eq!(lengths(&[200_000, 100_000, 100_000, 100_000]), [1, 2, 1]);
        assert_eq!(lengths(&[300_000]), [1], "what is too large alone is refused by the queue, not by us");
    }
}
