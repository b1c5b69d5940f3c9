//! Secrets Manager: reading a secret and putting a new version of it.

use crate::outcome::fault_of;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use roadbook_kernel::Moment;
use roadbook_runtime::ports::Fault;
use std::fmt;

/// The secrets of an account.
#[derive(Debug, Clone)]
pub struct Vault(pub(crate) Client);

/// A secret as it is now. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Its text.
    pub text: String,
    /// When this version was put, where the service says so.
    pub since: Option<Moment>,
}

impl fmt::Debug for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Held").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads a secret by its name or ARN; `None` where it does not exist or has no version yet.
    ///
    /// # Errors
    /// A fault: it never says what is in a secret.
    pub async fn read(&self, id: &str) -> Result<Option<Held>, Fault> {
        match self.0.get_secret_value().secret_id(id).send().await {
            Ok(answer) => {
                let since = answer.created_date().and_then(|date| date.to_millis().ok()).map(Moment::from_millis);
                let text = answer
                    .secret_string
                    .ok_or_else(|| Fault::Corrupt("a secret: it holds bytes and not text".into()))?;
                Ok(Some(Held { text, since }))
            }
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(fault_of("Secrets Manager", "read a secret", &error)),
        }
    }

    /// Whether a secret had another text before the one it has: somebody may still believe that one.
    ///
    /// # Errors
    /// A fault.
    pub async fn was_replaced(&self, id: &str) -> Result<bool, Fault> {
        match self.0.get_secret_value().secret_id(id).version_stage("AWSPREVIOUS").send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(false),
            Err(error) => Err(fault_of("Secrets Manager", "look for a former secret", &error)),
        }
    }

    /// Puts a new version of a secret that exists.
    ///
    /// # Errors
    /// A fault: it never says what is in a secret.
    pub async fn put(&self, id: &str, text: &str) -> Result<(), Fault> {
        let put = self.0.put_secret_value().secret_id(id).secret_string(text).send().await;
        put.map(drop).map_err(|error| fault_of("Secrets Manager", "put a secret", &error))
    }
}
