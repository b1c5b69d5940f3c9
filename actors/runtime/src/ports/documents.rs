//! The port to small public documents by address: what a sign-in provider publishes.

use async_trait::async_trait;

/// A document could not be fetched. The reason is a stable word and holds no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchFailed(pub &'static str);

/// Fetches documents.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The bytes behind an address of ours: from the settings, or from a document they lead to. Never an address that
    /// a stranger's token names.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchFailed>;
}
