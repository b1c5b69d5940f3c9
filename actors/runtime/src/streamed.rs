//! A host whose store brings its turns by a stream: it has no commit log to read, and carries what it is brought.

use crate::mutants::mutant;
use crate::ports::{Committed, Fault, Journal, Turn};
use async_trait::async_trait;
use std::future::Future;

/// Fills the place of the log in an [`crate::Engine`] whose turns are carried by [`crate::relay::carry`].
#[derive(Debug, Default, Clone, Copy)]
pub struct Streamed;

#[async_trait]
impl Journal for Streamed {
    async fn read(&self, _after: u64, _limit: usize) -> Result<Vec<Committed>, Fault> {
        Ok(Vec::new())
    }

    async fn truncate(&self, _upto: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn last(&self) -> u64 {
        0
    }

    /// Never returns: nothing here will ever be committed.
    async fn wait(&self, _after: u64) {
        std::future::pending().await
    }
}

/// The place of the first turn that was not carried. At first all go together; where that fails, one by one, so that
/// what stands before the one that cannot be carried is done.
pub async fn in_order<C>(
    turns: Vec<(usize, Turn)>,
    carry: impl Fn(Vec<Turn>) -> C,
    in_time: impl Fn() -> bool,
) -> Option<usize>
where
    C: Future<Output = Result<(), Fault>>,
{
    if turns.is_empty() || carry(turns.iter().map(|(_, turn)| turn.clone()).collect()).await.is_ok() {
        return None;
    }
    for (place, turn) in turns {
        if !in_time() {
            return Some(place);
        }
        let version = turn.version;
        if let Err(fault) = carry(vec![turn]).await
            && !mutant!(TurnPassedOver)
        {
            tracing::warn!(version, %fault, "a turn was not carried; it and all behind it come again");
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{ActorKey, TenantId};
    use std::cell::RefCell;

    fn turns(versions: std::ops::RangeInclusive<u64>) -> Vec<(usize, Turn)> {
        let actor = ActorKey::catalog(TenantId::from_u128(7));
        let turn = |version| Turn { actor, version, record: Vec::new().into() };
        versions.map(|version| (10 + version as usize, turn(version))).collect()
    }

    /// Which versions were carried in which calls, where `poison` cannot be, and where the batch stopped.
    async fn carried(poison: u64, in_time: bool) -> (Vec<Vec<u64>>, Option<usize>) {
        let calls = RefCell::new(Vec::new());
        let carry = async |turns: Vec<Turn>| {
            let versions: Vec<u64> = turns.iter().map(|turn| turn.version).collect();
            let is_poisoned = versions.contains(&poison);
            calls.borrow_mut().push(versions);
            if is_poisoned { Err(Fault::Overloaded) } else { Ok(()) }
        };
        let stopped = in_order(turns(1..=5), carry, || in_time).await;
        (calls.into_inner(), stopped)
    }

    #[tokio::test]
    async fn a_turn_that_cannot_be_carried_stops_all_behind_it_and_none_before_it() {
        let (calls, stopped) = carried(3, true).await;
        assert_eq!(calls, [vec![1, 2, 3, 4, 5], vec![1], vec![2], vec![3]]);
        assert_eq!(stopped, Some(13), "by its place in the batch");
        assert_eq!(carried(9, true).await, (vec![vec![1, 2, 3, 4, 5]], None));
    }

    #[tokio::test]
    async fn without_time_nothing_more_is_begun() {
        assert_eq!(carried(5, false).await, (vec![vec![1, 2, 3, 4, 5]], Some(11)));
    }
}
