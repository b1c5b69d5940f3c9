//! The newest turns of the commit log, still in memory: a relay that keeps up never reads the disk.

use roadbook_runtime::ports::{Committed, Turn};
use std::collections::VecDeque;

/// Turns kept.
const TURNS_MAX: usize = 8_192;
/// Bytes of records kept.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The tail of the log.
#[derive(Default)]
pub(crate) struct Tail {
    turns: VecDeque<Committed>,
    bytes: usize,
}

impl Tail {
    pub(crate) fn push(&mut self, sequence: u64, turn: Turn) {
        self.bytes += turn.record.len();
        self.turns.push_back(Committed { sequence, turn });
        while self.turns.len() > TURNS_MAX || self.bytes > BYTES_MAX {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(old) = self.turns.pop_front() {
            self.bytes -= old.turn.record.len();
        }
    }

    /// Turns after `after`, if the tail reaches back that far.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Option<Vec<Committed>> {
        let first = self.turns.front()?.sequence;
        if after + 1 < first {
            return None;
        }
        let skip = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        Some(self.turns.iter().skip(skip).take(limit).cloned().collect())
    }

    /// The relay is past these.
    pub(crate) fn truncate(&mut self, upto: u64) {
        while self.turns.front().is_some_and(|turn| turn.sequence <= upto) {
            self.pop();
        }
    }
}
