//! Clients of DynamoDB and SQS: credentials and region as every AWS program finds them, TLS by rustls on ring.

use crate::sqs::Sqs;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::time::Duration;

/// Where the services are.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The region; the environment's, or the profile's, where none is said.
    pub region: Option<String>,
    /// Another endpoint than the region's: an emulator.
    pub endpoint: Option<String>,
}

/// An answer that takes longer is none. A commit may then have been applied: see `commit.rs`.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Times a read is tried, and a message is sent: a queue recognises the second time by its de-duplication id.
const READS_MAX: u32 = 4;

/// Makes a client of DynamoDB. Reads the environment and the profile's files, and asks the network only where neither
/// names a region; credentials are fetched with the first request.
pub async fn connect(settings: &Settings) -> Client {
    Client::new(&load(settings).await)
}

/// Makes a client of DynamoDB and one of SQS over the same connections.
pub async fn connect_both(settings: &Settings) -> (Client, Sqs) {
    let config = load(settings).await;
    (Client::new(&config), Sqs::new(aws_sdk_sqs::Client::new(&config)))
}

async fn load(settings: &Settings) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_attempt_timeout(ATTEMPT_MAX).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(READS_MAX));
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}
