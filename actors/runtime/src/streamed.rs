//! The commit log of a host whose store brings its turns by a stream: there is none to read here.

use crate::ports::{Committed, Fault, Journal};
use async_trait::async_trait;

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
