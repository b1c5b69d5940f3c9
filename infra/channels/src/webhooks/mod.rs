//! Calls to the tenants' webhook endpoints, by Standard Webhooks: a CloudEvent in the body, signed.
//!
//! The address is a tenant's word and the call comes from inside our network, so it goes out only by https and only to
//! the public internet, whatever a name resolves to at the moment of the call (`guard.rs`). A redirect is not followed:
//! it would be an address that nobody has checked.

mod envelope;
mod guard;
mod sign;

use crate::settings::SettingsError;
use async_trait::async_trait;
use guard::Guarded;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use roadbook_runtime::ports::{HookAnswer, HookCall, Hooks};
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for an answer, as Standard Webhooks advises.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An idle connection is not reused after this.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The client of webhook endpoints.
#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    anywhere: bool,
}

impl Webhooks {
    /// A client that calls the public internet by https; with `anywhere`, any address by http too: for tests and for
    /// an installation whose endpoints stand beside it.
    ///
    /// # Errors
    /// The HTTP client cannot start.
    pub fn new(anywhere: bool) -> Result<Self, SettingsError> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // A proxy would resolve names where the guard cannot see it.
            .no_proxy()
            .dns_resolver(Arc::new(Guarded { anywhere }))
            .user_agent(concat!("roadbook-webhooks/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SettingsError::Client)?;
        Ok(Self { client, anywhere })
    }

    /// Whether an address may be called at all; a name is looked up when it is called.
    fn checked(&self, url: &str) -> Result<Url, &'static str> {
        let url = Url::parse(url).map_err(|_| "malformed_url")?;
        if url.scheme() != "https" && !(self.anywhere && url.scheme() == "http") {
            return Err("not_https");
        }
        if !self.anywhere && guard::is_literal_inside(&url) {
            return Err("address_not_public");
        }
        Ok(url)
    }
}

#[async_trait]
impl Hooks for Webhooks {
    async fn post(&self, call: HookCall<'_>) -> HookAnswer {
        let answer = self.try_post(&call).await.unwrap_or_else(HookAnswer::Lost);
        tracing::debug!(tenant.id = %call.tenant, delivery = %call.delivery.id, ?answer, "a webhook was called");
        answer
    }
}

impl Webhooks {
    async fn try_post(&self, call: &HookCall<'_>) -> Result<HookAnswer, &'static str> {
        let url = self.checked(call.url)?;
        let body = envelope::body(call).map_err(|_| "body_unwritable")?;
        let id = call.delivery.id.to_string();
        let signed = sign::signatures(&id, call.at, &body, call.secrets).ok_or("secret_unreadable")?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", signed.signatures)
            .body(body);
        // What the endpoint says besides its status is of no interest, however long it is.
        match request.send().await {
            Ok(response) => Ok(HookAnswer::Status(response.status().as_u16())),
            Err(error) => Err(lost(&error)),
        }
    }
}

/// Why there was no answer. The error itself holds the address.
fn lost(error: &reqwest::Error) -> &'static str {
    if guard::is_refusal(error) {
        "address_not_public"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no_connection"
    } else {
        "connection_broken"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_the_public_internet_is_called() {
        let strict = Webhooks::new(false).unwrap();
        for (url, code) in [
            ("http://example.com/", "not_https"),
            ("ftp://example.com/", "not_https"),
            ("https://127.0.0.1/", "address_not_public"),
            ("https://0x7f000001/", "address_not_public"),
            ("https://2130706433/", "address_not_public"),
            ("https://[::ffff:10.0.0.1]/", "address_not_public"),
            ("https://169.254.169.254/latest/meta-data/", "address_not_public"),
            ("no url", "malformed_url"),
        ] {
            assert_eq!(strict.checked(url).err(), Some(code), "{url}");
        }
        assert!(
            strict.checked("https://example.com/hook?token=x").is_ok() && strict.checked("https://1.1.1.1/").is_ok()
        );
        assert!(Webhooks::new(true).unwrap().checked("http://127.0.0.1:9/").is_ok());
    }
}
