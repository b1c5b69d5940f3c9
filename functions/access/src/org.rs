//! Where in the organisation somebody works: a path from the whole to the part, `/oem/brand/east/sh/4S001/dcc`.
//!
//! | step | what |
//! | --- | --- |
//! | 1 | group or OEM (集团) |
//! | 2 | brand (品牌) |
//! | 3 | region (大区) |
//! | 4 | area, or the dealer group in it (小区, 经销商集团) |
//! | 5 | store (店) |
//! | 6 and on | department and below (部门) |

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Which step of a path is the store, counted from 1.
pub const STORE_STEP: usize = 5;
const STEPS_MAX: usize = 12;
const STEP_BYTES_MAX: usize = 64;

/// A text that is no [`OrgScope`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadOrgScope;

impl fmt::Display for BadOrgScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a place is a path such as /oem/brand/east/sh/4S001/dcc: 1 to {STEPS_MAX} steps of letters, digits, - \
             and _, at most {STEP_BYTES_MAX} each; step {STORE_STEP} is the store"
        )
    }
}

impl std::error::Error for BadOrgScope {}

/// A place in the organisation, and everything below it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrgScope(String);

impl OrgScope {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this place or below it. Compares whole steps: `/a/b` does not contain `/a/bc`.
    pub fn contains(&self, other: &OrgScope) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The code of the store it lies in; `None` where it lies above the stores.
    pub fn store(&self) -> Option<&str> {
        self.0.split('/').nth(STORE_STEP)
    }
}

impl FromStr for OrgScope {
    type Err = BadOrgScope;

    fn from_str(text: &str) -> Result<Self, BadOrgScope> {
        let steps = text.strip_prefix('/').ok_or(BadOrgScope)?;
        let good = |step: &str| {
            (1..=STEP_BYTES_MAX).contains(&step.len())
                && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let fits = steps.split('/').count() <= STEPS_MAX && steps.split('/').all(good);
        fits.then(|| Self(text.to_owned())).ok_or(BadOrgScope)
    }
}

impl fmt::Display for OrgScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for OrgScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrgScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> OrgScope {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_place_contains_itself_and_what_lies_below_it() {
        let region = path("/oem/brand/east");
        assert!(region.contains(&region) && region.contains(&path("/oem/brand/east/sh/4S001/dcc")));
        assert!(!region.contains(&path("/oem/brand/eastern")) && !region.contains(&path("/oem/brand")));
        assert_eq!(region.store(), None);
        assert_eq!(path("/oem/brand/east/sh/4S001").store(), Some("4S001"));
        assert_eq!(path("/oem/brand/east/sh/4S001/dcc").store(), Some("4S001"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = format!("/{}", "x".repeat(65));
        let deep = "/a".repeat(13);
        for text in ["", "/", "oem", "/oem/", "//oem", "/oem/../x", "/oem/店", "/o em", "/oem%2f", &long, &deep] {
            assert!(text.parse::<OrgScope>().is_err(), "{text}");
        }
    }
}
