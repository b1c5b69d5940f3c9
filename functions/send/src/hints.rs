//! Batches of hints, as queues hand them in. A hint only says where to look: what is due stands in the due index, so one
//! that is lost costs a minute, and one that comes twice finds nothing to do.

use crate::{Announcer, Sender, Worked};
use futures_util::future::join_all;
use roadbook_runtime::Envelope;
use roadbook_runtime::ports::{DueEntry, Fault, Space};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a batch of hints says is due; each once, however often it is said.
#[derive(Debug, Default)]
pub struct Hints {
    sends: BTreeSet<DueEntry>,
    announcements: BTreeSet<DueEntry>,
    /// The ids of messages that are no hints: they come again, and go to the dead letters in the end.
    pub failed: Vec<String>,
}

impl Hints {
    /// Reads a batch: the id of each message, and its text.
    pub fn read<'m>(messages: impl Iterator<Item = (&'m str, &'m str)>) -> Self {
        let mut hints = Self::default();
        for (id, body) in messages {
            match Envelope::read(body).map(|envelope| envelope.entry()) {
                Ok(Some(entry)) if entry.key.space() == Space::Send => drop(hints.sends.insert(entry)),
                Ok(Some(entry)) => drop(hints.announcements.insert(entry)),
                Ok(None) => hints.failed.push(id.to_owned()),
                Err(fault) => {
                    tracing::error!(message = id, %fault, "a hint cannot be read; it goes to the dead letters");
                    hints.failed.push(id.to_owned());
                }
            }
        }
        hints
    }

    /// Works on everything the hints name, as far as it is due: sends, then announcements in as many rounds as the places
    /// of an endpoint need, while `in_time` says yes. Returns what the sends came to, and how many announcements were
    /// named.
    ///
    /// # Errors
    /// A fault while the sends are read: the whole batch comes again.
    pub async fn work(
        self,
        sender: &Sender,
        announcer: &Arc<Announcer>,
        in_time: impl Fn() -> bool,
    ) -> Result<(Worked, usize), Fault> {
        let worked = sender.work_on(self.sends.into_iter().collect()).await?;
        let mut left: Vec<DueEntry> = self.announcements.into_iter().collect();
        let told = left.len();
        while !left.is_empty() {
            // What was worked on is not named again: it would take the places of those behind it for ever.
            let (work, rest) = announcer.take_these(left);
            if work.is_empty() {
                break;
            }
            join_all(work).await;
            left = if in_time() { rest } else { Vec::new() };
        }
        Ok((worked, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{DeliveryId, EndpointId, Moment, SendKey, TenantId};

    #[test]
    fn a_hint_counts_once_and_what_is_none_comes_again() {
        let (tenant, due) = (TenantId::from_u128(7), Moment::from_millis(9));
        let send = Envelope::Send { tenant, send: SendKey::from_u128(1), due }.text().unwrap();
        let (endpoint, delivery) = (EndpointId::from_u128(2), DeliveryId::from_u128(3));
        let announcement = Envelope::Announcement { tenant, endpoint, delivery, due }.text().unwrap();
        let events = Envelope::Events { tenant, events: Vec::new() }.text().unwrap();
        let batch = [("1", &*send), ("2", &*announcement), ("3", &*send), ("4", "{"), ("5", &*events)];
        let hints = Hints::read(batch.into_iter());
        assert_eq!((hints.sends.len(), hints.announcements.len()), (1, 1));
        assert_eq!(hints.failed, ["4", "5"]);
    }
}
