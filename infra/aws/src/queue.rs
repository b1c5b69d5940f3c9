//! The port to queues, on SQS: a FIFO queue for accepted events, three standard ones for pokes and hints.

use crate::sqs::{MESSAGES_MAX, Outgoing, REQUEST_BYTES_MAX, Sqs};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{DueEntry, Fault, Parcel, Poke, Queue, QueueName};
use roadbook_runtime::{Envelope, hinted};
use std::collections::{HashMap, HashSet};

/// Requests under way at once.
const REQUESTS_MAX: usize = 8;

/// The addresses of the queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// FIFO: accepted events.
    pub inbox: String,
    /// Actors that are to look.
    pub pokes: String,
    /// Sends that are due.
    pub sends: String,
    /// Announcements that are due.
    pub announcements: String,
}

impl QueueUrls {
    /// The address of one.
    pub fn of(&self, queue: QueueName) -> &str {
        match queue {
            QueueName::Inbox => &self.inbox,
            QueueName::Pokes => &self.pokes,
            QueueName::Sends => &self.sends,
            QueueName::Announcements => &self.announcements,
        }
    }
}

/// The queues of one deployment.
#[derive(Debug)]
pub struct Queues {
    sqs: Sqs,
    urls: QueueUrls,
}

impl Queues {
    /// Queues at these addresses.
    pub const fn new(sqs: Sqs, urls: QueueUrls) -> Self {
        Self { sqs, urls }
    }

    /// What they are asked through.
    pub const fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// Where they are.
    pub const fn urls(&self) -> &QueueUrls {
        &self.urls
    }

    /// Sends messages that do not depend on each other, in as few requests as hold them. One result each.
    async fn send(&self, queue: QueueName, messages: &[Outgoing]) -> Vec<Result<(), Fault>> {
        let sizes: Vec<usize> = messages.iter().map(|one| one.body.len()).collect();
        let ask = async |some: &[Outgoing]| match self.sqs.send(self.urls.of(queue), some).await {
            Ok(results) => results,
            Err(fault) => vec![Err(fault); some.len()],
        };
        let requests = requests(&sizes).into_iter().map(|range| ask(&messages[range]));
        stream::iter(requests).buffered(REQUESTS_MAX).collect::<Vec<_>>().await.concat()
    }
}

/// Which messages go together in one request, in their order.
fn requests(sizes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let (mut requests, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (place, size) in sizes.iter().enumerate() {
        if place > begin && (place - begin == MESSAGES_MAX || bytes + size > REQUEST_BYTES_MAX) {
            requests.push(begin..place);
            (begin, bytes) = (place, 0);
        }
        bytes += size;
    }
    if begin < sizes.len() {
        requests.push(begin..sizes.len());
    }
    requests
}

/// The parcels in rounds, by their places: in each at most one of every group. SQS may take one message of a request and
/// not the one before it, so what must follow each other is never in one request, nor under way at once.
fn rounds(parcels: &[Parcel]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut next: HashMap<&str, usize> = HashMap::new();
    for (place, parcel) in parcels.iter().enumerate() {
        let round = next.entry(&parcel.group).or_default();
        if rounds.len() == *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(place);
        *round += 1;
    }
    rounds
}

#[async_trait]
impl Queue for Queues {
    async fn accept(&self, parcels: Vec<Parcel>) -> Vec<Result<(), Fault>> {
        let behind = "SQS, send: an earlier message of its group was not taken";
        let mut results: Vec<Result<(), Fault>> = vec![Err(Fault::Store(behind.into())); parcels.len()];
        let mut broken: HashSet<&str> = HashSet::new();
        for round in rounds(&parcels) {
            let open: Vec<usize> = round.into_iter().filter(|at| !broken.contains(&*parcels[*at].group)).collect();
            let outgoing = |at: &usize| {
                let Parcel { group, body, .. } = &parcels[*at];
                Outgoing { body: body.clone(), group: Some(group.clone()), delay_s: 0 }
            };
            let messages: Vec<Outgoing> = open.iter().map(outgoing).collect();
            for (at, result) in open.into_iter().zip(self.send(QueueName::Inbox, &messages).await) {
                if result.is_err() {
                    broken.insert(&parcels[at].group);
                }
                results[at] = result;
            }
        }
        results
    }

    async fn poke(&self, pokes: &[Poke], now: Moment) -> Result<usize, Fault> {
        let mut messages = Vec::with_capacity(pokes.len());
        for poke in pokes {
            // SQS would refuse a longer delay, and with it the whole request.
            let Some(delay_s) = poke.delay_s(now) else { continue };
            messages.push(Outgoing { body: Envelope::Poke(*poke).text()?, group: None, delay_s });
        }
        let results = self.send(QueueName::Pokes, &messages).await;
        results.into_iter().collect::<Result<Vec<()>, Fault>>().map(|taken| taken.len())
    }

    async fn hint(&self, due: &[DueEntry]) -> Result<(), Fault> {
        let mut messages: HashMap<QueueName, Vec<Outgoing>> = HashMap::new();
        for entry in due {
            let (queue, body) = hinted(entry)?;
            messages.entry(queue).or_default().push(Outgoing { body, group: None, delay_s: 0 });
        }
        for (queue, messages) in messages {
            self.send(queue, &messages).await.into_iter().collect::<Result<(), Fault>>()?;
        }
        Ok(())
    }

    async fn waiting(&self, queue: QueueName) -> Result<u64, Fault> {
        self.sqs.depth(self.urls.of(queue)).await.map(|depth| depth.visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_ten_messages_and_no_more_than_it_may_weigh() {
        assert_eq!(requests(&[1; 25]), [0..10, 10..20, 20..25]);
        let most = REQUEST_BYTES_MAX;
        assert_eq!(requests(&[most, 1, most - 1, 1]), [0..1, 1..3, 3..4]);
        assert_eq!(requests(&[most + 1, 1]), [0..1, 1..2], "too large alone: SQS will say so");
        assert!(requests(&[]).is_empty());
    }

    #[test]
    fn what_must_follow_each_other_never_travels_together() {
        let parcel = |group: &&str| Parcel { group: (*group).into(), body: String::new(), events: Vec::new() };
        let parcels: Vec<Parcel> = ["a", "b", "a", "c", "a", "b"].iter().map(parcel).collect();
        assert_eq!(rounds(&parcels), [vec![0, 1, 3], vec![2, 5], vec![4]]);
    }
}
