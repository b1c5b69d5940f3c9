//! What tenants do besides: endpoints that want to hear of things, files of what happened elsewhere.

use super::{Maker, What};
use roadbook_customer::{Topic, Topics};
use roadbook_kernel::EndpointId;

/// An endpoint of a tenant.
#[derive(Clone, Debug)]
pub struct Listener {
    /// A place in the plan's tenants.
    pub tenant: usize,
    /// Its id.
    pub id: EndpointId,
    /// What it asks for.
    pub topics: Topics,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Good(String),
    /// Something that is none.
    Bad(String),
    /// Nothing.
    Empty,
}

/// A file of events.
#[derive(Clone, Debug)]
pub struct File {
    /// A place in the plan's tenants.
    pub tenant: usize,
    /// Its lines, in their order.
    pub lines: Vec<Entry>,
}

impl File {
    /// What a client sends.
    pub fn text(&self) -> String {
        let line = |entry: &Entry| match entry {
            Entry::Good(text) | Entry::Bad(text) => format!("{text}\n"),
            Entry::Empty => "\n".into(),
        };
        self.lines.iter().map(line).collect()
    }
}

impl Maker {
    /// What one tenant does of it.
    pub(super) fn endpoints_and_files(&mut self, tenant: usize, first: usize) {
        if self.chance.below(2) == 0 {
            let topics: Topics = (0..1 + self.chance.below(3)).map(|_| self.chance.pick(Topic::ALL)).collect();
            let id = EndpointId::from_u128(0x0000_e9d0_0000 + tenant as u128);
            self.plan.listeners.push(Listener { tenant, id, topics });
        }
        if self.chance.below(4) == 0 {
            let at = self.at();
            // Some files are so long that they are more than one piece in the store.
            let note = "x".repeat(if self.chance.below(5) == 0 { 20_000 } else { 0 });
            let lines = (0..4 + self.chance.below(24)).map(|n| self.line(tenant, first, n, &note)).collect();
            self.plan.files.push(File { tenant, lines });
            self.step(at, What::File(self.plan.files.len() - 1));
            // The same file once more is the same job.
            if self.chance.below(2) == 0 {
                let at = self.at();
                self.step(at, What::File(self.plan.files.len() - 1));
            }
        }
    }

    fn line(&mut self, tenant: usize, first: usize, n: usize, note: &str) -> Entry {
        // The first is an event: a file with nothing in it is none.
        match if n == 0 { 7 } else { self.chance.below(8) } {
            0 => return Entry::Bad(format!("{{\"type\":\"track\",\"userId\":\"user-{tenant}-file-{n}\"}}")),
            1 => return Entry::Bad(format!("line {n} is no JSON")),
            2 => return Entry::Empty,
            _ => {}
        }
        let people = self.plan.people.len() - first;
        let name = match self.chance.below(3) {
            0 => format!("{tenant}-file-{n}"),
            _ => self.plan.people[first + self.chance.below(people)].name.clone(),
        };
        let when = self.chance.pick(&["2019-05-01T00:00:00Z", "2024-02-29T12:00:00Z", ""]);
        let when = if when.is_empty() { String::new() } else { format!(",\"timestamp\":\"{when}\"") };
        Entry::Good(format!(
            "{{\"type\":\"track\",\"event\":\"app_opened\",\"userId\":\"user-{name}\"{when},\"properties\":{{\"note\":\"{note}\"}}}}"
        ))
    }
}
