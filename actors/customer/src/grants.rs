//! Grants of subscribe messages (订阅消息): one grant, one send.

use roadbook_kernel::CustomerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Given and used grants of one (appid, template), per founding id, so that merges neither lose nor double one.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grants(BTreeMap<CustomerId, (u32, u32)>);

impl Grants {
    /// Grants left.
    pub fn left(&self) -> u32 {
        self.0.values().fold(0u32, |sum, (given, used)| sum.saturating_add(given.saturating_sub(*used)))
    }

    /// The customer allowed `count` more.
    pub fn give(&mut self, founding: CustomerId, count: u32) {
        let entry = self.0.entry(founding).or_default();
        entry.0 = entry.0.saturating_add(count);
    }

    /// One was used. Takes it from whichever founding id has one left.
    pub fn spend(&mut self) {
        if let Some((_, used)) = self.0.values_mut().find(|(given, used)| given > used) {
            *used += 1;
        }
    }

    /// The platform says there is none: whatever was thought to be left is gone.
    pub fn exhaust(&mut self) {
        for (given, used) in self.0.values_mut() {
            *used = *given;
        }
    }

    /// Takes over the grants of another customer; the larger count of each founding id wins.
    pub fn join(&mut self, other: &Grants) {
        for (founding, (given, used)) in &other.0 {
            let entry = self.0.entry(*founding).or_default();
            *entry = (entry.0.max(*given), entry.1.max(*used));
        }
    }
}
