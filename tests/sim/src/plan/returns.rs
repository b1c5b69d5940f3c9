//! What comes again when the world has moved on: after the inbox's window, after a move, after a merge that was undone,
//! after a word that was taken back. Chance alone makes these rare.

use super::{Maker, Tell, What};
use roadbook_it::say::{Say, device};
use roadbook_kernel::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, SECOND_MS};
use roadbook_tenancy::{Purpose, Verdict};

/// Messages of one call.
const CALL: usize = 8;

impl Maker {
    /// What every tenant meets, in every order.
    pub(super) fn returns(&mut self, first: usize) {
        if self.plan.settled && self.chance.below(2) == 0 {
            self.forgotten(first);
        }
        if !self.plan.settled {
            (0..2).for_each(|n| self.moved(first, n));
            (0..2).for_each(|_| self.parted(first));
        }
    }

    fn someone(&mut self, first: usize) -> usize {
        first + self.chance.below(self.plan.people.len() - first)
    }

    /// A call of so many messages of one person.
    fn call(&mut self, person: usize, at: Moment, many: usize) -> Vec<usize> {
        let messages: Vec<usize> = (0..many).map(|_| self.track(person, "app_opened", at)).collect();
        self.step(at, What::Events(messages.clone()));
        messages
    }

    /// Somebody's messages come again when the pages of their inbox have expired: only History knows them still. The
    /// quiet fortnight between is what lets the pages expire: a page lives as long as its newest entry.
    fn forgotten(&mut self, first: usize) {
        let (person, at) = (self.someone(first), self.at());
        let early = self.call(person, at, 3);
        for hour in 1..6 {
            self.call(person, at.plus_ms(hour * HOUR_MS), CALL);
        }
        let later = at.plus_ms(17 * DAY_MS);
        for hour in 0..6 {
            self.call(person, later.plus_ms(hour * HOUR_MS), CALL);
        }
        let again = later.plus_ms(self.chance.between(12 * HOUR_MS, 3 * DAY_MS));
        self.step(again, What::Again(early));
    }

    /// A device changes hands, and what its former owner did with it comes again.
    fn moved(&mut self, first: usize, n: usize) {
        let (one, other, at) = (self.someone(first), self.someone(first), self.at());
        let device = device(&format!("handed-{first}-{n}"));
        let identify = |maker: &mut Self, person: usize, at: Moment| {
            let number = maker.plan.messages.len();
            let who = [maker.plan.people[person].who[0].clone(), device.clone()];
            let message = maker.message(person, "app_opened", Say::identify(format!("m{number}"), &who).at(at));
            maker.step(at, What::Events(vec![message]));
        };
        let uses = |maker: &mut Self, person: usize, at: Moment| {
            let number = maker.plan.messages.len();
            let say = Say::track(format!("m{number}"), "app_opened", std::slice::from_ref(&device));
            let message = maker.message(person, "app_opened", say.at(at));
            maker.step(at, What::Events(vec![message]));
            message
        };
        identify(self, one, at);
        let before = uses(self, one, at.plus_ms(MINUTE_MS));
        identify(self, other, at.plus_ms(10 * MINUTE_MS));
        let since = uses(self, other, at.plus_ms(20 * MINUTE_MS));
        let again = at.plus_ms(self.chance.between(30 * MINUTE_MS, 2 * DAY_MS));
        self.step(again, What::Again(vec![before, since]));
        let weeks_later = at.plus_ms(self.chance.between(16 * DAY_MS, 60 * DAY_MS));
        self.step(weeks_later, What::Again(vec![before, since]));
    }

    /// Two are made one, do something, and are parted; what they did as one comes again.
    fn parted(&mut self, first: usize) {
        let (one, other, at) = (self.someone(first), self.someone(first), self.at());
        for person in [one, other] {
            self.call(person, at, 1);
        }
        let account = self.plan.people[other].who[0].clone();
        self.step(at.plus_ms(5 * MINUTE_MS), What::Tell(one, Tell::Merge(account)));
        let together = at.plus_ms(20 * MINUTE_MS);
        let mut said = self.call(one, together, 2);
        said.extend(self.call(other, together, 2));
        self.step(at.plus_ms(HOUR_MS), What::Tell(one, Tell::Unmerge));
        let again = at.plus_ms(HOUR_MS + self.chance.between(10 * MINUTE_MS, 2 * DAY_MS));
        self.step(again, What::Again(said.clone()));
        let weeks_later = again.plus_ms(self.chance.between(16 * DAY_MS, 40 * DAY_MS));
        self.step(weeks_later, What::Again(said));
    }

    /// Somebody new allows advertising, looks twice, and takes it back while the message waits for a relay that stands
    /// still. They do nothing else: a second grant would allow what the withdrawal forbids.
    pub(super) fn regret(&mut self, person: usize) {
        let at = self.at().plus_ms(10 * MINUTE_MS);
        let all = self.plan.people[person].who.clone();
        let n = self.plan.messages.len();
        let say =
            Say::identify(format!("m{n}"), &all).at(at).set("who", format!("p{person}")).set("seller", "seller-1");
        let message = self.message(person, "identify", say);
        self.step(at, What::Events(vec![message]));
        let word = |verdict| What::Tell(person, Tell::Consent(Purpose::Marketing, verdict));
        self.step(at.plus_ms(MINUTE_MS), word(Verdict::Granted));
        let looked = at.plus_ms(2 * MINUTE_MS);
        if self.chance.below(2) == 0 {
            self.step(looked.minus_ms(SECOND_MS), What::RelayDown(15 * MINUTE_MS));
        }
        let views = vec![self.track(person, "page_viewed", looked), self.track(person, "page_viewed", looked)];
        self.step(looked, What::Events(views));
        let regretted = looked.plus_ms(self.chance.between(SECOND_MS, 2 * MINUTE_MS));
        self.step(regretted, word(Verdict::Withdrawn));
    }
}
