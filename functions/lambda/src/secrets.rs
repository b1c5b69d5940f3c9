//! The master key and the settings, from Secrets Manager: with the first event, not before.

use crate::environment::Environment;
use anyhow::{Context, Result};
use roadbook_app::{Config, Resolved, read_master};
use roadbook_aws::Vault;

/// What only Secrets Manager knows.
pub struct Secrets {
    /// The key under which every identifier is hashed.
    pub master: [u8; 32],
    /// The settings, the environment laid over them.
    pub config: Config,
}

impl Secrets {
    /// Fetches both.
    ///
    /// # Errors
    /// A secret that cannot be read, a key that is none, or everything that is wrong with the settings.
    pub async fn fetch(environment: &Environment, vault: &Vault) -> Result<Self> {
        let master = key(&text(vault, &environment.master_key, "the master key").await?)?;
        let toml = match &environment.settings {
            Some(secret) => text(vault, secret, "the settings").await?,
            None => String::new(),
        };
        let config = Resolved::new(&toml, environment.variables.iter().cloned()).usable()?;
        Ok(Self { master, config })
    }
}

async fn text(vault: &Vault, secret: &str, what: &str) -> Result<String> {
    let held = vault.read(secret).await.with_context(|| format!("read {what}"))?;
    held.map(|held| held.text).with_context(|| format!("{what} is not in Secrets Manager; is its secret there?"))
}

fn key(text: &str) -> Result<[u8; 32]> {
    read_master(text).context("the master key must be 64 hex digits; restore the version of its secret that was")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_told_without_showing_it() {
        let good = format!("{}\n", "0f".repeat(32));
        assert_eq!(key(&good).unwrap(), [15; 32]);
        for bad in ["", "planted", &"g".repeat(64), &"0".repeat(63)] {
            let told = key(bad).unwrap_err().to_string();
            assert!(told.contains("64 hex digits") && !told.contains("planted"), "{told}");
        }
    }
}
