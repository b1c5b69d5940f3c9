//! How many identifiers of a kind one person may have: the guard against profiles that swallow others.

use crate::{IDENTIFIERS_MAX, Kind};
use roadbook_kernel::{DAY_MS, Moment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest window of a limit in days.
const WINDOW_DAYS_MAX: u16 = 3_650;

/// How many of one kind a person may have. Scoped kinds count per scope: one openid per mini-program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The most of them, 1 to 80.
    pub max: u16,
    /// Counts only those that came within so many days before the event; without it all ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u16>,
}

/// An identifier somebody owns, as far as limits count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its scope, empty for most kinds.
    pub scope: &'a str,
    /// Since when it leads to them.
    pub at: Moment,
}

/// What a tenant allows. A kind without a limit is held to [`IDENTIFIERS_MAX`] alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policy {
    limits: BTreeMap<Kind, Limit>,
}

/// A limit that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a limit on {kind}: `max` is 1 to {IDENTIFIERS_MAX}, `within_days` 1 to {WINDOW_DAYS_MAX}")]
pub struct PolicyError {
    /// Of which kind.
    pub kind: Kind,
}

impl Default for Policy {
    /// The defaults for Chinese identifiers: one account, one WeChat user per account, app and corp, and the few
    /// phones, addresses and devices that one person really has. They follow what Segment Unify and the CDPs of the
    /// Chinese market ship with; a tenant may change each.
    fn default() -> Self {
        let ever = |max| Limit { max, within_days: None };
        let limits = [
            (Kind::UserId, ever(1)),
            (Kind::CrmId, ever(1)),
            (Kind::DmsId, ever(1)),
            (Kind::Unionid, ever(1)),
            (Kind::ExternalUserid, ever(1)),
            (Kind::Openid, ever(1)),
            (Kind::Phone, ever(3)),
            (Kind::Email, ever(5)),
            (Kind::Device, Limit { max: 5, within_days: Some(30) }),
        ];
        Self { limits: limits.into() }
    }
}

impl Policy {
    /// A policy of these limits.
    ///
    /// # Errors
    /// [`PolicyError`] where a number lies outside what can be meant.
    pub fn new(limits: BTreeMap<Kind, Limit>) -> Result<Self, PolicyError> {
        let sound = |limit: &Limit| {
            (1..=IDENTIFIERS_MAX).contains(&usize::from(limit.max))
                && limit.within_days.is_none_or(|days| (1..=WINDOW_DAYS_MAX).contains(&days))
        };
        match limits.iter().find(|(_, limit)| !sound(limit)) {
            Some((kind, _)) => Err(PolicyError { kind: *kind }),
            None => Ok(Self { limits }),
        }
    }

    /// The limits by kind.
    pub fn limits(&self) -> &BTreeMap<Kind, Limit> {
        &self.limits
    }

    /// Whether somebody who owns `holds` may not get one more of a kind at `at`.
    pub fn is_full(&self, kind: Kind, scope: &str, at: Moment, holds: &[Holding<'_>]) -> bool {
        let Some(limit) = self.limits.get(&kind) else { return false };
        count(*limit, kind, scope, at, holds) >= usize::from(limit.max)
    }

    /// The first kind of which two people would have too many together.
    pub fn over_together(&self, at: Moment, a: &[Holding<'_>], b: &[Holding<'_>]) -> Option<Kind> {
        let over = |one: &&Holding<'_>| {
            let Some(limit) = self.limits.get(&one.kind) else { return false };
            let all = count(*limit, one.kind, one.scope, at, a) + count(*limit, one.kind, one.scope, at, b);
            all > usize::from(limit.max)
        };
        // What only one of the two has was allowed before: only what both have can be over together.
        let both = |one: &&Holding<'_>| b.iter().any(|other| other.kind == one.kind && other.scope == one.scope);
        a.iter().filter(both).find(over).map(|one| one.kind)
    }
}

fn count(limit: Limit, kind: Kind, scope: &str, at: Moment, holds: &[Holding<'_>]) -> usize {
    let from = limit.within_days.map_or(Moment::MIN, |days| at.minus_ms(i64::from(days) * DAY_MS));
    holds.iter().filter(|one| one.kind == kind && one.scope == scope && one.at >= from).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_millis(100 * DAY_MS);

    fn held(kind: Kind, scope: &'static str, days_ago: i64) -> Holding<'static> {
        Holding { kind, scope, at: NOW.minus_ms(days_ago * DAY_MS) }
    }

    #[test]
    fn a_limit_counts_per_scope_and_within_its_window() {
        let policy = Policy::default();
        let mine = [held(Kind::Openid, "wx1", 1)];
        assert!(policy.is_full(Kind::Openid, "wx1", NOW, &mine) && !policy.is_full(Kind::Openid, "wx2", NOW, &mine));
        let devices: Vec<_> = (0..5).map(|n| held(Kind::Device, "", 20 + n * 5)).collect();
        assert!(!policy.is_full(Kind::Device, "", NOW, &devices), "two of the five are older than a month");
        assert!(policy.is_full(Kind::Device, "", NOW.minus_ms(15 * DAY_MS), &devices));
        assert!(!policy.is_full(Kind::AnonymousId, "", NOW, &[held(Kind::AnonymousId, "", 0); 79]));
    }

    #[test]
    fn together_only_what_both_have_can_be_over() {
        let policy = Policy::default();
        let (a, b) = ([held(Kind::UserId, "", 1)], [held(Kind::UserId, "", 2), held(Kind::Phone, "", 2)]);
        assert_eq!(policy.over_together(NOW, &a, &b), Some(Kind::UserId));
        assert_eq!(policy.over_together(NOW, &a, &b[1..]), None);
        let two = [held(Kind::UserId, "", 1), held(Kind::UserId, "", 2)];
        assert_eq!(policy.over_together(NOW, &two, &b[1..]), None, "an alias had allowed it");
    }

    #[test]
    fn limits_outside_what_can_be_meant_are_refused() {
        let with = |max, within_days| Policy::new([(Kind::Phone, Limit { max, within_days })].into());
        assert!(with(1, None).is_ok() && with(80, Some(3_650)).is_ok());
        for (max, within_days) in [(0, None), (81, None), (1, Some(0)), (1, Some(3_651))] {
            assert_eq!(with(max, within_days), Err(PolicyError { kind: Kind::Phone }));
        }
    }
}
