//! What happens in a run: people, what they do, what their tenants do. Made from the seed before anything begins, so
//! that a step can be left out without changing the others.

mod disorder;
mod returns;
mod tenants;

pub use tenants::{Entry, File, Listener};

use crate::chance::Chance;
use crate::host::{Log, Way};
use crate::journeys::{TEMPLATE, first_day};
use roadbook_catalog::Command as Define;
use roadbook_identity::Kind;
use roadbook_it::rig::T0;
use roadbook_it::say::{Say, Who, anon, email, external, user};
use roadbook_kernel::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, SECOND_MS, TenantId};
use roadbook_tenancy::{Purpose, Verdict};

/// One person of one tenant.
#[derive(Clone, Debug)]
pub struct Person {
    /// Whose customer: an index into [`Plan::tenants`].
    pub tenant: usize,
    /// Everything they are called, the account first.
    pub who: Vec<Who>,
    /// Who they turn out to be the same person as: the same number.
    pub family: usize,
    /// What their identifiers are made of.
    pub name: String,
}

/// One message of one person.
#[derive(Clone, Debug)]
pub struct Msg {
    /// Who sends it: an index into [`Plan::people`].
    pub person: usize,
    /// What it says. Its time is when it happened.
    pub say: Say,
    /// The event's name.
    pub name: &'static str,
    /// Which amount it adds to the trait `mark`.
    pub mark: i64,
    /// Whom it makes the same person, where it does.
    pub alias: Option<usize>,
    /// Whether deciding it panics.
    pub poisoned: bool,
}

/// Something told to whoever an identifier leads to.
#[derive(Clone, Debug)]
pub enum Tell {
    /// A word about consent.
    Consent(Purpose, Verdict),
    /// An operator says that this other is the same person.
    Merge(Who),
    /// An operator takes one of the merged out again.
    Unmerge,
    /// An operator takes an identifier away.
    Unbind(Who),
}

/// What happens.
#[derive(Clone, Debug)]
pub enum What {
    /// One call with these messages: indices into [`Plan::messages`].
    Events(Vec<usize>),
    /// Those of these messages that were acknowledged come once more, as they were accepted, one by one.
    Again(Vec<usize>),
    /// A command about a person.
    Tell(usize, Tell),
    /// A command to the catalog of a tenant.
    Define(usize, Define),
    /// The relay stands still for so long.
    RelayDown(i64),
    /// A host dies.
    Die(usize),
    /// Everybody on a host goes to sleep.
    Sleep(usize),
    /// Somebody sends a file of events: an index into [`Plan::files`].
    File(usize),
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
}

/// A whole run, before it begins.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tenants.
    pub tenants: Vec<TenantId>,
    /// Everybody.
    pub people: Vec<Person>,
    /// Every message there will be.
    pub messages: Vec<Msg>,
    /// Everything that happens, by time.
    pub steps: Vec<Step>,
    /// How long the journey of a test drive waits first.
    pub wait_ms: i64,
    /// Whether everybody's identity follows from the plan alone, whatever the order: no shared devices, no unmerges.
    pub settled: bool,
    /// How the relay learns of turns.
    pub log: Log,
    /// How events reach customers.
    pub way: Way,
    /// Who wants to hear of things.
    pub listeners: Vec<Listener>,
    /// Files of events.
    pub files: Vec<File>,
    /// Milliseconds each host's clock is off by.
    pub skews: Vec<i64>,
    /// Messages one turn may fold.
    pub turn_messages_max: usize,
}

impl Plan {
    /// Whether deciding a message panics: only the engine with the mutants can be made to.
    pub fn is_poisoned(&self, message: usize) -> bool {
        cfg!(feature = "mutants") && self.messages[message].poisoned
    }

    /// The tenant whose customer a message is about: a place in [`Plan::tenants`].
    pub fn tenant_of(&self, message: usize) -> usize {
        self.people[self.messages[message].person].tenant
    }
}

struct Maker {
    chance: Chance,
    plan: Plan,
    span_ms: i64,
}

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let mut chance = Chance::new(seed, 0);
    let (wait, wait_ms) = chance.pick(&[("PT10M", 10 * MINUTE_MS), ("P2D", 2 * DAY_MS), ("P400D", 400 * DAY_MS)]);
    let span_ms = chance.pick(&[6 * HOUR_MS, 3 * DAY_MS, 30 * DAY_MS, 400 * DAY_MS]);
    let settled = chance.below(3) > 0;
    let (log, way) = chance.pick(&[
        (Log::Own, Way::Host),
        (Log::Stream, Way::Host),
        (Log::Stream, Way::Queues),
        (Log::Stream, Way::Queues),
    ]);
    let skew = chance.pick(&[0, 0, 500, 2 * SECOND_MS]);
    let skews = vec![chance.between(-skew, skew), chance.between(-skew, skew)];
    let turn_messages_max = chance.pick(&[1, 2, 256]);
    let plan = Plan {
        tenants: Vec::new(),
        people: Vec::new(),
        messages: Vec::new(),
        steps: Vec::new(),
        wait_ms,
        settled,
        log,
        way,
        listeners: Vec::new(),
        files: Vec::new(),
        skews,
        turn_messages_max,
    };
    let mut maker = Maker { chance, plan, span_ms };
    for tenant in 0..2 + maker.chance.below(2) {
        maker.tenant(tenant, wait);
    }
    maker.troubles();
    let mut plan = maker.plan;
    plan.steps.sort_by_key(|step| step.at);
    plan
}

impl Maker {
    fn at(&mut self) -> Moment {
        let span_ms = self.span_ms;
        T0.plus_ms(MINUTE_MS + self.chance.between(0, span_ms))
    }

    fn step(&mut self, at: Moment, what: What) {
        self.plan.steps.push(Step { at, what });
    }

    fn tenant(&mut self, tenant: usize, wait: &str) {
        self.plan.tenants.push(TenantId::from_u128(0x7e57_0001 + tenant as u128));
        for (n, command) in first_day(wait).into_iter().enumerate() {
            // Everything is published before anybody comes, but for the last journey and the last segment.
            let at = if n == 11 || n == 13 { self.at() } else { T0.plus_ms(n as i64 * 100) };
            self.step(at, What::Define(tenant, command));
        }
        let first = self.plan.people.len();
        for n in 0..4 + self.chance.below(5) {
            self.person(tenant, n);
        }
        self.families(first);
        (first..self.plan.people.len()).for_each(|person| self.more_names(person));
        for person in first..self.plan.people.len() {
            self.life(person);
        }
        self.returns(first);
        let regretful = self.plan.people.len();
        for n in regretful..regretful + 2 {
            self.person(tenant, n);
            self.regret(n);
        }
        if self.chance.below(2) == 0 {
            self.busy(first);
        }
        self.endpoints_and_files(tenant, first);
        self.editions(tenant, wait);
        if !self.plan.settled {
            self.disorder(tenant, first);
        }
    }

    fn person(&mut self, tenant: usize, n: usize) {
        let name = format!("{tenant}x{n}");
        let mut who = vec![user(&name), anon(&name)];
        if self.chance.below(3) == 0 {
            who.push(anon(&format!("{name}-b")));
        }
        let family = self.plan.people.len();
        self.plan.people.push(Person { tenant, who, family, name });
    }

    /// What else somebody is called. Two people with, say, a WeChat user each are one only where no limit refuses it,
    /// and then in one order and not in another: where the plan must say who is whom, nobody who is merged has any.
    fn more_names(&mut self, person: usize) {
        let Person { family, name, .. } = self.plan.people[person].clone();
        let is_alone = self.plan.people.iter().filter(|one| one.family == family).count() == 1;
        if self.plan.settled && !is_alone {
            return;
        }
        let openid = Who(Kind::Openid, format!("oTestTestTestTestTestTest{name}"));
        for (who, one_in) in [(email(&format!("test{name}")), 2), (external(&name), 2), (openid, 3)] {
            if self.chance.below(one_in) == 0 {
                self.plan.people[person].who.push(who);
            }
        }
    }

    /// Some turn out to be one: by an alias, or because an operator says so. In every order.
    fn families(&mut self, first: usize) {
        for person in first + 1..self.plan.people.len() {
            if self.chance.below(4) > 0 {
                continue;
            }
            let other = first + self.chance.below(person - first);
            let (mine, theirs) = (self.plan.people[person].family, self.plan.people[other].family);
            for one in &mut self.plan.people[first..] {
                if one.family == mine {
                    one.family = theirs;
                }
            }
            let (a, b) = (self.plan.people[person].who[0].clone(), self.plan.people[other].who[0].clone());
            let at = self.at();
            if self.chance.below(2) == 0 {
                let n = self.plan.messages.len();
                let say = Say::alias(format!("m{n}"), &a, &b);
                let message = self.message(person, "alias", say.at(at));
                self.plan.messages[message].alias = Some(other);
                self.step(at, What::Events(vec![message]));
            } else {
                self.step(at, What::Tell(person, Tell::Merge(b)));
            }
            // Somebody says it once more: nothing changes, and that too is known from then on.
            if self.chance.below(2) == 0 {
                let (at, other) = (self.at(), self.plan.people[other].who[0].clone());
                self.step(at, What::Tell(person, Tell::Merge(other)));
            }
        }
    }

    fn message(&mut self, person: usize, name: &'static str, say: Say) -> usize {
        let n = self.plan.messages.len();
        let mark = 1 + (self.chance.draw() % 1_000_000_000).cast_signed();
        let say = say.with("n", n).add("score", 1_000_000).add("mark", mark * 1_000_000);
        self.plan.messages.push(Msg { person, say, name, mark, alias: None, poisoned: false });
        n
    }

    /// By which of their names somebody is called in one message.
    fn some_of(&mut self, person: usize) -> Vec<Who> {
        let mut all = self.plan.people[person].who.clone();
        if self.plan.settled {
            all.retain(|who| matches!(who.0, Kind::UserId | Kind::AnonymousId));
        }
        let first = self.chance.below(all.len());
        let second = self.chance.below(all.len());
        let mut some = vec![all[first].clone()];
        if second != first && self.chance.below(3) == 0 {
            some.push(all[second].clone());
        }
        some
    }

    fn track(&mut self, person: usize, name: &'static str, at: Moment) -> usize {
        let n = self.plan.messages.len();
        let who = self.some_of(person);
        self.message(person, name, Say::track(format!("m{n}"), name, &who).at(at))
    }

    /// What one person does.
    fn life(&mut self, person: usize) {
        let all = self.plan.people[person].who.clone();
        let label = format!("p{person}");
        for _ in 0..1 + self.chance.below(2) {
            let at = self.at();
            let n = self.plan.messages.len();
            let say = Say::identify(format!("m{n}"), &all).at(at).set("who", label.as_str()).set("seller", "seller-1");
            let message = self.message(person, "identify", say);
            self.step(at, What::Events(vec![message]));
        }
        for _ in 0..3 + self.chance.below(9) {
            self.visit(person);
        }
        if self.chance.below(3) > 0 {
            let at = self.at();
            let message = self.track(person, "order_placed", at);
            self.step(at, What::Events(vec![message]));
        }
        if self.chance.below(3) > 0 {
            self.drive(person);
        }
        for _ in 0..self.chance.below(3) {
            let at = self.at();
            let message = self.track(person, "lead_submitted", at);
            self.step(at, What::Events(vec![message]));
        }
        if all.iter().any(|who| who.0 == Kind::Openid) {
            let at = self.at();
            let n = self.plan.messages.len();
            let say = Say::track(format!("m{n}"), "subscribe_granted", &all);
            let say = say.at(at).with("appid", "ww1").with("template", TEMPLATE).with("count", 1);
            let message = self.message(person, "subscribe_granted", say);
            self.step(at, What::Events(vec![message]));
        }
        for _ in 0..self.chance.below(3) {
            let at = self.at();
            let verdict = self.chance.pick(&[Verdict::Granted, Verdict::Granted, Verdict::Withdrawn]);
            self.step(at, What::Tell(person, Tell::Consent(Purpose::Marketing, verdict)));
        }
    }

    /// Somebody does so much that their inbox turns over several times.
    fn busy(&mut self, first: usize) {
        let person = first + self.chance.below(self.plan.people.len() - first);
        for _ in 0..12 + self.chance.below(10) {
            let at = self.at();
            let views = (0..1 + self.chance.below(8)).map(|_| self.track(person, "app_opened", at)).collect();
            self.step(at, What::Events(views));
        }
    }

    /// One or a few page views; some were long ago, some come from a clock that is years ahead.
    fn visit(&mut self, person: usize) {
        let at = self.at();
        let occurred = match self.chance.below(30) {
            0 => at.minus_ms(self.chance.between(16 * DAY_MS, 900 * DAY_MS)),
            1 => at.plus_ms(self.chance.between(DAY_MS, 3_600 * DAY_MS)),
            2..=5 => at.minus_ms(self.chance.between(0, 2 * DAY_MS)),
            _ => at,
        };
        let mut messages = vec![self.track(person, "page_viewed", occurred)];
        while self.chance.below(3) == 0 && messages.len() < 4 {
            let people = self.plan.people.len();
            let tenant = self.plan.people[person].tenant;
            let other = self.chance.below(people);
            let other = if self.plan.people[other].tenant == tenant { other } else { person };
            messages.push(self.track(other, "page_viewed", at));
        }
        if self.chance.below(8) == 0 {
            let poisoned = self.track(person, "page_viewed", at);
            self.plan.messages[poisoned].poisoned = true;
            let place = self.chance.below(messages.len() + 1);
            messages.insert(place, poisoned);
        }
        self.step(at, What::Events(messages));
    }

    /// A test drive is booked; some drive while the journey waits for it.
    fn drive(&mut self, person: usize) {
        let at = self.at();
        let message = self.track(person, "drive_booked", at);
        self.step(at, What::Events(vec![message]));
        if self.chance.below(2) == 0 {
            let driven = at.plus_ms(self.plan.wait_ms + self.chance.between(HOUR_MS, 2 * DAY_MS));
            let message = self.track(person, "test_drive", driven);
            self.step(driven, What::Events(vec![message]));
        }
    }
}
