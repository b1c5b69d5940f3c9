//! Which revision of a thing a change was written for.

use crate::Refusal;
use serde::{Deserialize, Serialize};

/// The revisions a change may replace. It travels inside the command, because only the actor that makes the change can
/// compare without anybody coming between.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Whatever is there: the author does not care, or nobody else writes.
    #[default]
    Any,
    /// One of these revisions; none of them means that nothing fits.
    OneOf(Vec<u64>),
}

impl Expected {
    /// Exactly this revision.
    pub fn exactly(revision: u64) -> Self {
        Self::OneOf(vec![revision])
    }

    /// Whether a thing at `current` may be changed.
    ///
    /// # Errors
    /// `stale_etag`: somebody changed it since it was read. The detail names the current revision.
    pub fn check(&self, current: impl Into<u64>) -> Result<(), Refusal> {
        let current = current.into();
        match self {
            Expected::Any => Ok(()),
            Expected::OneOf(revisions) if revisions.contains(&current) => Ok(()),
            Expected::OneOf(_) => {
                let detail = format!(
                    "it was changed since you read it and its ETag is \"{current}\" now; read it again and repeat your change on that"
                );
                Err(Refusal::new("stale_etag", detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_expected_revision_may_be_replaced() {
        assert_eq!(Expected::Any.check(7_u32), Ok(()));
        assert_eq!(Expected::exactly(7).check(7_u32), Ok(()));
        assert_eq!(Expected::OneOf(vec![3, 7]).check(7_u64), Ok(()));
        for stale in [Expected::exactly(6), Expected::OneOf(Vec::new())] {
            let refusal = stale.check(7_u32).expect_err("another revision");
            assert_eq!(refusal.code, "stale_etag");
            assert!(refusal.detail.contains("\"7\""), "{}", refusal.detail);
        }
    }
}
