//! What the environment says: names of things, never secrets.
//!
//! | variable | what |
//! | --- | --- |
//! | `ROADBOOK_ROLE` | which function this is |
//! | `ROADBOOK_TABLES` | what the tables' names begin with |
//! | `ROADBOOK_INBOX_URL`, `ROADBOOK_POKES_URL`, `ROADBOOK_SENDS_URL`, `ROADBOOK_ANNOUNCEMENTS_URL` | where the queues are |
//! | `ROADBOOK_MASTER_KEY_ARN` | the secret that holds the master key |
//! | `ROADBOOK_SETTINGS_ARN` | the secret that holds the text of a `roadbook.toml`: credentials of channels, sign-in providers |
//! | `ROADBOOK_STACK` | the dimension of the metrics |
//! | `RUST_LOG` | what is logged; `info` without it |
//!
//! Any other `ROADBOOK_` variable is a setting of that name, and lies over the text of the secret.

use crate::role::Role;
use anyhow::{Context, Result};
use roadbook_aws::QueueUrls;

/// The environment, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Which function.
    pub role: Role,
    /// What the tables' names begin with.
    pub tables: String,
    /// Where the queues are.
    pub queues: QueueUrls,
    /// Name or ARN of the secret with the master key.
    pub master_key: String,
    /// Name or ARN of the secret with the settings; none where the defaults do.
    pub settings: Option<String>,
    /// Under which name metrics are counted.
    pub stack: String,
    /// What is logged.
    pub log_filter: String,
    /// Everything, for settings that have a variable.
    pub variables: Vec<(String, String)>,
}

impl Environment {
    /// Reads it.
    ///
    /// # Errors
    /// A variable that is missing or cannot be read.
    #[expect(clippy::disallowed_methods, reason = "binaries read the environment, once, here")]
    pub fn read() -> Result<Self> {
        Self::of(std::env::vars().collect())
    }

    fn of(variables: Vec<(String, String)>) -> Result<Self> {
        let find = |name: &str| {
            let found = variables.iter().find(|(variable, value)| variable == name && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let must = |name: &str| find(name).with_context(|| format!("{name} is not set; the stack's template sets it"));
        let tables = must("ROADBOOK_TABLES")?;
        let queues = QueueUrls {
            inbox: must("ROADBOOK_INBOX_URL")?,
            pokes: must("ROADBOOK_POKES_URL")?,
            sends: must("ROADBOOK_SENDS_URL")?,
            announcements: must("ROADBOOK_ANNOUNCEMENTS_URL")?,
        };
        Ok(Self {
            role: must("ROADBOOK_ROLE")?.parse().map_err(anyhow::Error::msg)?,
            master_key: must("ROADBOOK_MASTER_KEY_ARN")?,
            settings: find("ROADBOOK_SETTINGS_ARN"),
            stack: find("ROADBOOK_STACK").unwrap_or_else(|| tables.clone()),
            log_filter: find("RUST_LOG").unwrap_or_else(|| "info".into()),
            tables,
            queues,
            variables,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment> {
        Environment::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = [
            ("ROADBOOK_ROLE", "relay"),
            ("ROADBOOK_TABLES", "t"),
            ("ROADBOOK_MASTER_KEY_ARN", "arn:x"),
            ("ROADBOOK_INBOX_URL", "i"),
            ("ROADBOOK_POKES_URL", "p"),
            ("ROADBOOK_SENDS_URL", "s"),
            ("ROADBOOK_ANNOUNCEMENTS_URL", "a"),
        ];
        let whole = of(&all).unwrap();
        assert_eq!((whole.role, whole.stack.as_str(), whole.settings), (Role::Relay, "t", None));
        for left_out in all {
            let rest: Vec<_> = all.into_iter().filter(|one| *one != left_out).collect();
            assert!(of(&rest).unwrap_err().to_string().contains(left_out.0));
        }
        let empty: Vec<_> = [("ROADBOOK_ROLE", "")].into_iter().chain(all[1..].iter().copied()).collect();
        assert!(of(&empty).unwrap_err().to_string().contains("ROADBOOK_ROLE"));
    }
}
