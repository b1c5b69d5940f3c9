//! Commands with an Idempotency-Key: repeated until they are answered, and carried out once.

use crate::client::Request;
use crate::people::{Person, Role};
use roadbook_bench::workload::SplitMix64;
use serde_json::json;
use std::time::Instant;

/// The tag that people get and lose.
pub const TAG: &str = "crash_mark";

/// What a command does once it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// A person has the tag with this value.
    Set(u32, String),
    /// A person has it no more.
    Clear(u32),
    /// A person and the one beside them are one.
    Merge(u32),
    /// A segment of this name is drafted; the answer has its id.
    Draft(String),
    /// It is archived.
    Archive(String),
}

/// A command on its way.
#[derive(Debug, Clone)]
pub struct Command {
    /// The request, with its key.
    pub request: Request,
    /// What it does.
    pub does: Does,
    /// Not before this: somebody still holds its key.
    pub not_before: Instant,
}

/// What is asked before a command can be made: who somebody is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Set or clear the tag of a person.
    Tag(u32),
    /// Merge a person with the one beside them.
    Merge(u32),
    /// Draft a segment, to archive it at once.
    Segment,
}

impl Wish {
    /// Draws one that is possible now.
    pub fn draw(people: &[Person], random: &mut SplitMix64) -> Option<Self> {
        if random.below(64) == 0 {
            return Some(Self::Segment);
        }
        let index = u32::try_from(random.below(people.len() as u64)).ok()?;
        let free = |index: u32| people.get(index as usize).filter(|one| one.known && !one.busy && !one.merged);
        let person = free(index)?;
        if person.role == Role::Pair && random.below(2) == 0 && free(Person::beside(index)).is_some() {
            return Some(Self::Merge(index));
        }
        Some(Self::Tag(index))
    }
}

/// Makes the requests of one writer.
pub struct Clerk {
    writer: usize,
    authorization: String,
    made: u64,
}

impl Clerk {
    /// With the admin key.
    pub fn new(writer: usize, authorization: String) -> Self {
        Self { writer, authorization, made: 0 }
    }

    /// Who has this account?
    pub fn lookup(&self, user: &str) -> Request {
        self.request("GET", format!("/v1/profiles/lookup?key=userId:{user}"), String::new())
    }

    fn request(&self, method: &'static str, path: String, body: String) -> Request {
        Request { method, path, authorization: self.authorization.clone(), headers: Vec::new(), body }
    }

    fn command(&mut self, method: &'static str, path: String, body: String, does: Does) -> Command {
        self.made += 1;
        let mut request = self.request(method, path, body);
        request.headers.push(("idempotency-key", format!("crash-{}-{}", self.writer, self.made)));
        Command { request, does, not_before: Instant::now() }
    }

    /// Sets the tag, or clears it where the person has it and chance says so.
    pub fn tag(&mut self, index: u32, person: &Person, id: &str, random: &mut SplitMix64) -> Command {
        let path = format!("/v1/profiles/{id}/tags/{TAG}");
        if person.tag.is_some() && random.below(2) == 0 {
            return self.command("DELETE", path, String::new(), Does::Clear(index));
        }
        let value = format!("v{}", self.made + 1);
        self.command("PUT", path, json!({ "value": value }).to_string(), Does::Set(index, value))
    }

    /// Merges two customers.
    pub fn merge(&mut self, index: u32, ids: [&str; 2]) -> Command {
        let body = json!({ "customers": ids }).to_string();
        self.command("POST", "/v1/identity/merge".into(), body, Does::Merge(index))
    }

    /// Drafts a segment.
    pub fn draft(&mut self) -> Command {
        let name = format!("crash {} {}", self.writer, self.made + 1);
        let condition = json!({ "event": "Brochure Read", "count": { "op": "gte", "value": 2 } });
        let body = json!({ "name": name, "condition": condition }).to_string();
        self.command("POST", "/v1/segments".into(), body, Does::Draft(name))
    }

    /// Archives it.
    pub fn archive(&mut self, name: String, id: &str) -> Command {
        let mut command = self.command("DELETE", format!("/v1/segments/{id}"), String::new(), Does::Archive(name));
        command.request.headers.push(("if-match", "*".into()));
        command
    }
}
