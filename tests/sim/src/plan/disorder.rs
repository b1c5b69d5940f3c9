//! What goes against a plain life: definitions that change, devices that go round, merges undone, hosts that die.

use super::{Maker, Tell, What};
use crate::journeys::{DRIVE, LEAD, WELCOME, drive};
use roadbook_catalog::Command as Define;
use roadbook_it::say::{Say, device};
use roadbook_kernel::{DAY_MS, Expected, HOUR_MS, MINUTE_MS, SECOND_MS};

impl Maker {
    /// The catalog changes under way: a new edition, a journey that stands still for a while.
    pub(super) fn editions(&mut self, tenant: usize, wait: &str) {
        for edition in 2..2 + self.chance.below(3) as u32 {
            let at = self.at();
            let definition = drive(wait, edition);
            let edit = Define::EditJourney { id: DRIVE, name: "drive".into(), definition, expected: Expected::Any };
            self.step(at, What::Define(tenant, edit));
            self.step(at.plus_ms(SECOND_MS), What::Define(tenant, Define::PublishJourney { id: DRIVE }));
        }
        for id in [WELCOME, LEAD] {
            if self.chance.below(3) == 0 {
                let at = self.at();
                let still_ms = self.chance.between(MINUTE_MS, 3 * DAY_MS);
                self.step(at, What::Define(tenant, Define::PauseJourney { id }));
                self.step(at.plus_ms(still_ms), What::Define(tenant, Define::ResumeJourney { id }));
            }
        }
    }

    /// A device that goes round, merges that are undone, identifiers that are taken away.
    pub(super) fn disorder(&mut self, tenant: usize, first: usize) {
        let shared = device(&format!("shared-{tenant}"));
        let people = self.plan.people.len() - first;
        for _ in 0..8 + self.chance.below(14) {
            let at = self.at();
            let person = first + self.chance.below(people);
            let who = if self.chance.below(2) == 0 {
                vec![self.plan.people[person].who[0].clone(), shared.clone()]
            } else {
                vec![shared.clone()]
            };
            let n = self.plan.messages.len();
            let id = format!("m{n}");
            let identifies = who.len() == 2 && self.chance.below(2) == 0;
            let say = if identifies { Say::identify(id, &who) } else { Say::track(id, "app_opened", &who) };
            let message = self.message(person, "app_opened", say.at(at));
            self.step(at, What::Events(vec![message]));
        }
        for _ in 0..1 + self.chance.below(5) {
            let at = self.at();
            let person = first + self.chance.below(people);
            let tell = if self.chance.below(4) == 0 { Tell::Unbind(shared.clone()) } else { Tell::Unmerge };
            self.step(at, What::Tell(person, tell));
        }
    }

    /// What befalls the hosts, whatever the weather.
    pub(super) fn troubles(&mut self) {
        if self.chance.below(4) == 0 {
            let at = self.at();
            let hours = self.chance.pick(&[1, 25]);
            self.step(at, What::RelayDown(hours * HOUR_MS));
        }
        for _ in 0..self.chance.below(4) {
            let at = self.at();
            let host = self.chance.below(2);
            let what = if self.chance.below(2) == 0 { What::Die(host) } else { What::Sleep(host) };
            self.step(at, what);
        }
    }
}
