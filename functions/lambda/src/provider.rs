//! Lets the keys of sign-in providers be fetched by the one crate that calls out.

use async_trait::async_trait;
use roadbook_access::{Fetch, FetchFailed};
use roadbook_channels::{Documents, SettingsError};

/// The documents of sign-in providers.
pub struct ProviderDocuments(Documents);

impl ProviderDocuments {
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new() -> Result<Self, SettingsError> {
        Documents::new().map(Self)
    }
}

#[async_trait]
impl Fetch for ProviderDocuments {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchFailed> {
        self.0.get(url).await.map_err(FetchFailed)
    }
}
