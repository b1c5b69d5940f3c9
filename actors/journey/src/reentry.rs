//! The re-entry rule: may this customer enter this journey now, given what happened before?

use crate::Ending;
use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often a customer may walk a journey. Whatever the rule, at most one passage of a customer through a journey
/// is active.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reentry {
    /// Once in a life, however the passage ended.
    Once,
    /// As soon as the former passage is over.
    AfterExit,
    /// Not before a time has passed since the former passage was over.
    Cooldown {
        /// The time, in milliseconds.
        ms: i64,
    },
}

/// What is kept per customer and journey for the re-entry rule; it outlives the passages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Visits {
    /// How often the customer entered. After a merge of two customers: the larger of the two counts, because a sum
    /// would count a visit known to both twice.
    #[serde(rename = "c")]
    pub entered: u32,
    /// The latest entry.
    #[serde(rename = "e")]
    pub last_entered: Moment,
    /// The latest end, if any passage ended.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub last_ended: Option<Moment>,
    /// The latest end of each kind: conditions ask for it.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<Ending, Moment>,
}

impl Visits {
    /// The first visit.
    pub fn first(at: Moment) -> Self {
        Self { entered: 1, last_entered: at, last_ended: None, outcomes: BTreeMap::new() }
    }

    /// Notes an entry.
    pub fn note_entered(&mut self, at: Moment) {
        self.entered = self.entered.saturating_add(1);
        self.last_entered = self.last_entered.max(at);
    }

    /// Notes the end of a passage.
    pub fn note_ended(&mut self, at: Moment, how: Ending) {
        self.last_ended = self.last_ended.max(Some(at));
        self.outcomes.entry(how).and_modify(|known| *known = (*known).max(at)).or_insert(at);
    }

    /// Takes over what another customer's row knows (merge). Commutative, associative, idempotent.
    pub fn join(&mut self, other: &Visits) {
        self.entered = self.entered.max(other.entered);
        self.last_entered = self.last_entered.max(other.last_entered);
        self.last_ended = self.last_ended.max(other.last_ended);
        for (how, at) in &other.outcomes {
            self.outcomes.entry(*how).and_modify(|known| *known = (*known).max(*at)).or_insert(*at);
        }
    }

    /// The instant from which the former visit counts as over.
    fn over_at(&self) -> Moment {
        self.last_ended.map_or(self.last_entered, |ended| ended.max(self.last_entered))
    }
}

/// Whether an entering event or edge at `now` lets the customer in. `now` is the event's own time: a late event
/// dated into a former visit does not begin a second one, just as it would not have in time.
pub fn may_enter(reentry: Reentry, visits: Option<&Visits>, has_active_run: bool, now: Moment) -> bool {
    if has_active_run {
        return false;
    }
    let Some(visits) = visits else { return true };
    match reentry {
        Reentry::Once => false,
        Reentry::AfterExit => now >= visits.over_at(),
        Reentry::Cooldown { ms } => now >= visits.over_at().plus_ms(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: i64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn the_rule_as_a_table() {
        let mut ended = Visits::first(at(10));
        ended.note_ended(at(20), Ending::Exited);
        let cooldown = Reentry::Cooldown { ms: 100 };
        let table = [
            (Reentry::Once, None, false, 0, true),
            (Reentry::Once, Some(&ended), false, 1_000, false),
            (Reentry::AfterExit, None, true, 0, false),
            (Reentry::AfterExit, Some(&ended), true, 30, false),
            (Reentry::AfterExit, Some(&ended), false, 20, true),
            (Reentry::AfterExit, Some(&ended), false, 19, false),
            (cooldown, None, false, 0, true),
            (cooldown, Some(&ended), false, 119, false),
            (cooldown, Some(&ended), false, 120, true),
            (cooldown, Some(&ended), true, 500, false),
        ];
        for (rule, visits, active, now, expected) in table {
            assert_eq!(may_enter(rule, visits, active, at(now)), expected, "{rule:?} {visits:?} {active} {now}");
        }
    }

    #[test]
    fn a_merge_of_visits_does_not_depend_on_order() {
        let one = Visits { entered: 3, ..Visits::first(at(50)) };
        let mut two = Visits::first(at(10));
        two.note_ended(at(20), Ending::Goal);
        let three = Visits::first(at(70));
        let join = |left: &Visits, right: &Visits| {
            let mut joined = left.clone();
            joined.join(right);
            joined
        };
        assert_eq!(join(&one, &two), join(&two, &one));
        assert_eq!(join(&join(&one, &two), &three), join(&one, &join(&two, &three)));
        assert_eq!(join(&one, &one), one);
        let mut both = one.clone();
        both.note_ended(at(20), Ending::Goal);
        assert_eq!(join(&one, &two), both);
    }

    #[test]
    fn visits_are_stored_small_and_read_back() {
        let mut visits = Visits::first(at(5));
        assert_eq!(serde_json::to_string(&visits).unwrap(), r#"{"c":1,"e":5}"#);
        visits.note_ended(at(9), Ending::Goal);
        visits.note_entered(at(9));
        assert_eq!(serde_json::from_str::<Visits>(r#"{"c":2,"e":9,"x":9,"o":{"goal":9}}"#).unwrap(), visits);
    }
}
