//! Which messages of a batch come again.

use crate::Incoming;
use roadbook_runtime::mutants::mutant;
use std::collections::HashMap;

/// The messages of a batch, and what became of them so far.
pub(crate) struct Batch<'m> {
    messages: &'m [Incoming],
    failed: Vec<bool>,
    /// Groups of which a message failed, with the first such place: nothing behind it is begun, so that order holds.
    closed: HashMap<&'m str, usize>,
}

impl<'m> Batch<'m> {
    pub(crate) fn new(messages: &'m [Incoming]) -> Self {
        Self { messages, failed: vec![false; messages.len()], closed: HashMap::new() }
    }

    /// The group of a message.
    pub(crate) fn group(&self, place: usize) -> Option<&'m str> {
        self.messages[place].group.as_deref()
    }

    /// This message comes again, and so does what stands behind it in its group and was not begun.
    pub(crate) fn fail(&mut self, place: usize) {
        self.failed[place] = true;
        if let Some(group) = self.group(place) {
            let first = self.closed.entry(group).or_insert(place);
            *first = place.min(*first);
        }
    }

    /// Whether a message may be begun: none before it in its group has failed.
    pub(crate) fn is_open(&self, place: usize) -> bool {
        self.group(place).and_then(|group| self.closed.get(group)).is_none_or(|first| place < *first)
    }

    /// The ids of the messages that come again.
    pub(crate) fn failed(self) -> Vec<String> {
        if mutant!(FailedReportedDone) {
            return Vec::new();
        }
        let all = self.messages.iter().zip(self.failed);
        all.filter(|(_, failed)| *failed).map(|(message, _)| message.id.clone()).collect()
    }
}
