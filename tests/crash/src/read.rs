//! What the server shows of the customers of one writer.

use crate::batch::{BOOKED, CONFIGURED};
use crate::client::{Connection, Reply, Request};
use crate::command::TAG;
use crate::people::Person;
use crate::stage::Stage;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// One customer as the API shows them.
#[derive(Debug, Default)]
pub struct Customer {
    /// How often each event stands in the timeline, by its number.
    pub events: BTreeMap<String, u64>,
    /// Events the segment counts.
    pub configured: u64,
    /// Bookings that are recorded, and that are told to a seller.
    pub booked: [u64; 2],
    /// Times the tag was set, and taken away.
    pub tags: (u64, u64),
    /// The value of the tag now.
    pub tag: Option<String>,
    /// Messages that were asked for.
    pub asked: u64,
}

/// Reads customers.
pub struct Reader<'a> {
    stage: &'a Stage,
    connection: Connection,
}

impl<'a> Reader<'a> {
    /// With a connection of its own.
    pub fn new(stage: &'a Stage) -> Self {
        Self { stage, connection: Connection::new(stage.server) }
    }

    fn get(&mut self, path: String) -> Result<Reply> {
        let authorization = self.stage.keys.admin.clone();
        let request = Request { method: "GET", path, authorization, headers: Vec::new(), body: String::new() };
        self.connection.ask(&request).map_err(|lost| anyhow::anyhow!("GET {} was not answered: {lost:?}", request.path))
    }

    /// The id behind an identifier.
    ///
    /// # Errors
    /// No answer, or one that is neither 200 nor 404.
    pub fn id_of(&mut self, kind: &str, value: &str) -> Result<Option<String>> {
        let reply = self.get(format!("/v1/profiles/lookup?key={kind}:{value}"))?;
        match reply.status {
            200 => Ok(Some(reply.json()["id"].as_str().context("a profile has an id")?.to_owned())),
            404 => Ok(None),
            status => bail!("lookup answered {status}: {}", reply.text),
        }
    }

    /// The ids a person is found by: account, then browser.
    ///
    /// # Errors
    /// As [`Self::id_of`].
    pub fn ids(&mut self, person: &Person) -> Result<[Option<String>; 2]> {
        Ok([self.id_of("userId", &person.user)?, self.id_of("anonymousId", &person.anonymous)?])
    }

    /// Everything of a customer that is audited.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub fn customer(&mut self, id: &str) -> Result<Customer> {
        let mut found = Customer::default();
        let profile = self.get(format!("/v1/profiles/{id}"))?.json();
        found.tag = profile["tags"][TAG]["value"].as_str().map(str::to_owned);
        let mut cursor = String::new();
        loop {
            let reply = self.get(format!("/v1/profiles/{id}/timeline?limit=200{cursor}"))?;
            if reply.status != 200 {
                bail!("a timeline answered {}: {}", reply.status, reply.text);
            }
            let page = reply.json();
            page["data"].as_array().into_iter().flatten().for_each(|row| found.take(row));
            match page["next_cursor"].as_str() {
                Some(next) if page["has_more"] == true => cursor = format!("&cursor={next}"),
                Some(_) | None => return Ok(found),
            }
        }
    }
}

impl Customer {
    fn take(&mut self, row: &Value) {
        if row["type"] == "fact" {
            match row["fact"].as_str().unwrap_or_default() {
                "tag_set" if row["tag"] == TAG => self.tags.0 += 1,
                "tag_cleared" if row["tag"] == TAG => self.tags.1 += 1,
                "message_asked" => self.asked += 1,
                _ => {}
            }
            return;
        }
        let number = row["properties"]["n"].as_str().map(str::to_owned);
        *self.events.entry(number.unwrap_or_else(|| format!("an event without a number: {row}"))).or_default() += 1;
        let name = row["name"].as_str().unwrap_or_default();
        self.configured += u64::from(name == CONFIGURED);
        for (count, booked) in self.booked.iter_mut().zip(BOOKED) {
            *count += u64::from(name == booked);
        }
    }
}
