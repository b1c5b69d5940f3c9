//! What nobody has carried, as a commit log: what an examination takes for the part of the log behind the relay.

use crate::store::Dynamo;
use async_trait::async_trait;
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::{Committed, Fault, Journal};

/// Rows looked at in one step.
const ROWS: usize = 500;

/// The turns that stood on their rows and had no row in History when it was read.
pub struct Uncarried(Vec<Committed>);

impl Uncarried {
    /// Reads about `max` of them: it walks over the rows of every one of these tenants' actors.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn read(dynamo: &Dynamo, tenants: &[TenantId], max: usize) -> Result<Self, Fault> {
        let mut found = Vec::new();
        for tenant in tenants {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let (turns, next) = dynamo.outstanding(*tenant, after.as_deref(), ROWS).await?;
                for turn in turns {
                    found.push(Committed { sequence: found.len() as u64 + 1, turn });
                }
                if found.len() >= max {
                    return Ok(Self(found));
                }
                if next.is_none() {
                    break;
                }
                after = next;
            }
        }
        Ok(Self(found))
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.0.len()
    }
}

#[async_trait]
impl Journal for Uncarried {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        let from = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(self.0.iter().skip(from).take(limit).cloned().collect())
    }

    /// Nothing is forgotten here: a turn leaves its row when it has its row in History.
    async fn truncate(&self, _upto: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn last(&self) -> u64 {
        self.0.len() as u64
    }

    /// Never returns: nothing is added.
    async fn wait(&self, _after: u64) {
        std::future::pending().await
    }
}
