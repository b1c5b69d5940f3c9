//! Small public documents by address: the discovery document and the keys of a sign-in provider.

use crate::settings::SettingsError;
use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use roadbook_runtime::ports::{Fetch, FetchFailed};
use std::time::Duration;

/// Largest document that is read. A set of ten keys has about 10 KB.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Somebody waits at the door meanwhile.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Fetches them.
#[derive(Debug, Clone)]
pub struct Documents {
    client: Client,
}

impl Documents {
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new() -> Result<Self, SettingsError> {
        let client = Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            // A redirect would lead to an address nobody has checked.
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("roadbook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SettingsError::Client)?;
        Ok(Self { client })
    }

    /// The bytes of a document: over https, or from this machine.
    ///
    /// # Errors
    /// A stable word; it holds neither the address nor what came back.
    async fn get(&self, url: &str) -> Result<Vec<u8>, &'static str> {
        let url = Url::parse(url).map_err(|_| "no_address")?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err("in_the_clear");
        }
        let mut response = self.client.get(url).send().await.map_err(|error| lost(&error))?;
        if !response.status().is_success() {
            return Err("refused");
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if bytes.len() + chunk.len() > DOCUMENT_BYTES_MAX {
                return Err("too_large");
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Fetch for Documents {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchFailed> {
        self.get(url).await.map_err(FetchFailed)
    }
}

fn lost(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timed_out"
    } else if error.is_connect() {
        "not_connected"
    } else {
        "connection_lost"
    }
}
