//! One ordered answer from several partitions: a merge of paginated queries that reads little more than it returns.

use crate::action::Attributes;
use crate::query::{Row, Stored};
use crate::store::Dynamo;
use futures_util::future::try_join_all;
use roadbook_runtime::ports::Fault;
use std::collections::VecDeque;

/// Rows asked of a partition beyond its even share: the shares are never quite even, and another request costs more
/// than a few rows.
const SLACK: usize = 8;
/// Rows asked at once.
const PAGE_MAX: usize = 1_000;

/// One partition being read.
struct Source<T> {
    partition: String,
    rows: VecDeque<Row<T>>,
    from: Option<Attributes>,
    ended: bool,
}

impl<T: Stored> Source<T> {
    async fn fill(&mut self, dynamo: &Dynamo, range: &(Vec<u8>, Vec<u8>), limit: usize) -> Result<(), Fault> {
        // A page may be empty and yet not the last: rows that do not count were read.
        while self.rows.is_empty() && !self.ended {
            let page = dynamo.page(&self.partition, range, self.from.take(), limit).await?;
            self.rows.extend(page.rows);
            self.ended = page.next.is_none();
            self.from = page.next;
        }
        Ok(())
    }
}

/// The first `limit` rows between two places, in order, over all these partitions.
pub(crate) async fn merged<T: Stored>(
    dynamo: &Dynamo,
    partitions: impl Iterator<Item = String>,
    range: Option<(Vec<u8>, Vec<u8>)>,
    limit: usize,
) -> Result<Vec<T>, Fault> {
    let Some(range) = range.filter(|_| limit > 0) else { return Ok(Vec::new()) };
    let source = |partition| Source { partition, rows: VecDeque::new(), from: None, ended: false };
    let mut sources: Vec<Source<T>> = partitions.map(source).collect();
    let share = if sources.len() == 1 { limit } else { limit / sources.len() + SLACK };
    let share = share.min(limit).min(PAGE_MAX);
    try_join_all(sources.iter_mut().map(|source| source.fill(dynamo, &range, share))).await?;
    let mut found = Vec::new();
    while found.len() < limit {
        let heads = sources.iter_mut().filter(|source| !source.rows.is_empty());
        let first = heads.min_by(|one, other| one.rows[0].order.cmp(&other.rows[0].order));
        let Some(first) = first else { break };
        found.extend(first.rows.pop_front().map(|row| row.value));
        if found.len() < limit {
            // Without its next row nobody could say whether another partition's comes first.
            first.fill(dynamo, &range, share).await?;
        }
    }
    Ok(found)
}
