//! Clients of AWS: credentials, region and endpoint as every AWS program finds them, TLS by rustls on ring.

use crate::functions::Functions;
use crate::sqs::Sqs;
use crate::vault::Vault;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::time::Duration;

/// Where AWS is.
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

/// An account in a region, and the connections that all clients made of it share.
#[derive(Debug, Clone)]
pub struct Account(SdkConfig);

impl Account {
    /// Reads the environment and the profile's files, and asks the network only where neither names a region;
    /// credentials are fetched with the first request.
    pub async fn new(settings: &Settings) -> Self {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_attempt_timeout(ATTEMPT_MAX).build();
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
        Self(loader.load().await)
    }

    /// The region, where one was found.
    pub fn region(&self) -> Option<&str> {
        self.0.region().map(AsRef::as_ref)
    }

    /// A client of DynamoDB.
    pub fn dynamo(&self) -> Client {
        Client::new(&self.0)
    }

    /// Queues.
    pub fn queues(&self) -> Sqs {
        Sqs::new(aws_sdk_sqs::Client::new(&self.0))
    }

    /// Functions on Lambda.
    pub fn functions(&self) -> Functions {
        Functions(aws_sdk_lambda::Client::new(&self.0))
    }

    /// Secrets.
    pub fn vault(&self) -> Vault {
        Vault(aws_sdk_secretsmanager::Client::new(&self.0))
    }
}

/// Makes a client of DynamoDB: see [`Account::new`].
pub async fn connect(settings: &Settings) -> Client {
    Account::new(settings).await.dynamo()
}

/// Makes a client of DynamoDB and one of SQS over the same connections.
pub async fn connect_both(settings: &Settings) -> (Client, Sqs) {
    let account = Account::new(settings).await;
    (account.dynamo(), account.queues())
}
