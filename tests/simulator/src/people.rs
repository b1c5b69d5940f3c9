//! Who exists, who is whose contact, and what a mini-program user has agreed to.
//!
//! Everybody with a well-formed id exists until a test says otherwise: demo traffic invents its people as it goes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Changes to the people of the platform; each list may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleChange {
    /// Members (userids) that no longer exist.
    pub unknown_members: Vec<String>,
    /// Customers (external_userids) that are no longer a contact of anybody.
    pub not_friends: Vec<String>,
    /// Mini-program users (openids) that do not exist.
    pub unknown_openids: Vec<String>,
    /// Template ids that do not exist.
    pub unknown_templates: Vec<String>,
    /// Ids of any of the four kinds that exist again.
    pub restored: Vec<String>,
}

/// The people and their grants.
#[derive(Debug, Default)]
pub(crate) struct People {
    missing: PeopleSets,
    grants: BTreeMap<(String, String), u32>,
}

#[derive(Debug, Default)]
struct PeopleSets {
    members: BTreeSet<String>,
    customers: BTreeSet<String>,
    openids: BTreeSet<String>,
    templates: BTreeSet<String>,
}

impl People {
    pub(crate) fn change(&mut self, change: PeopleChange) {
        let sets = &mut self.missing;
        for id in &change.restored {
            sets.members.remove(id);
            sets.customers.remove(id);
            sets.openids.remove(id);
            sets.templates.remove(id);
        }
        sets.members.extend(change.unknown_members);
        sets.customers.extend(change.not_friends);
        sets.openids.extend(change.unknown_openids);
        sets.templates.extend(change.unknown_templates);
    }

    pub(crate) fn is_member(&self, userid: &str) -> bool {
        well_formed(userid) && !self.missing.members.contains(userid)
    }

    pub(crate) fn is_friend(&self, external_userid: &str) -> bool {
        is_external_userid(external_userid) && !self.missing.customers.contains(external_userid)
    }

    pub(crate) fn is_openid(&self, openid: &str) -> bool {
        well_formed(openid) && !self.missing.openids.contains(openid)
    }

    pub(crate) fn is_template(&self, template: &str) -> bool {
        well_formed(template) && !self.missing.templates.contains(template)
    }

    /// The user accepts `count` more sends of this template.
    pub(crate) fn grant(&mut self, openid: &str, template: &str, count: u32) {
        let left = self.grants.entry((openid.to_owned(), template.to_owned())).or_insert(0);
        *left = left.saturating_add(count);
    }

    /// Uses up one grant; false: none was left.
    pub(crate) fn use_grant(&mut self, openid: &str, template: &str) -> bool {
        match self.grants.get_mut(&(openid.to_owned(), template.to_owned())) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            Some(_) | None => false,
        }
    }
}

/// An id the platform could have given: 1 to 64 letters, digits, `-`, `_`, `.` or `@`.
fn well_formed(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

/// Customers' ids start with `wm` (a WeChat user) or `wo` (a WeCom user).
pub(crate) fn is_external_userid(id: &str) -> bool {
    well_formed(id) && (id.starts_with("wm") || id.starts_with("wo"))
}
