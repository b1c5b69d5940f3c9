//! The people who work there, and three things for each to look at: an address of the console, the same as a curl
//! line, and what is to be seen.

use super::brands::Brand;
use super::people;
use super::stories::Story;
use super::traffic::{Party, profile};
use crate::http::Client;
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write;

/// One job.
struct Job {
    role: &'static str,
    login: &'static str,
    called: &'static str,
    at_store: bool,
}

/// The jobs, in every tenant.
const JOBS: [Job; 5] = [
    Job { role: "dcc_agent", login: "dcc", called: "DCC 专员", at_store: true },
    Job { role: "store_manager", login: "manager", called: "店总", at_store: true },
    Job { role: "oem_operations", login: "operations", called: "OEM 运营", at_store: false },
    Job { role: "oem_marketing", login: "marketing", called: "OEM 市场", at_store: false },
    Job { role: "compliance_officer", login: "compliance", called: "合规官", at_store: false },
];

impl Job {
    fn login(&self, brand: &Brand) -> String {
        format!("{}@{}.example", self.login, brand.code)
    }

    fn called(&self, brand: &Brand) -> String {
        let store = if self.at_store { format!(" {}", brand.stores[0].code) } else { String::new() };
        format!("{}{store}", self.called)
    }
}

/// Creates everybody who works there.
///
/// # Errors
/// A server that refuses one.
pub fn hire(api: &Client, brand: &Brand, password: &str) -> Result<()> {
    for job in JOBS {
        let mut user = json!({
            "login": job.login(brand),
            "name": format!("{} (demo)", job.called(brand)),
            "roles": [job.role],
            "password": password,
        });
        if job.at_store {
            user["org_scope"] = json!(brand.stores[0].place);
        }
        api.expect("POST", "/v1/users", Some(&user)).with_context(|| format!("create {}", job.role))?;
    }
    Ok(())
}

/// One thing to look at.
struct Thing {
    see: String,
    console: String,
    api: String,
}

fn thing(see: impl Into<String>, console: impl Into<String>, api: impl Into<String>) -> Thing {
    Thing { see: see.into(), console: console.into(), api: api.into() }
}

/// Everybody who works at a car maker, with their three things.
///
/// # Errors
/// A server that does not answer.
pub fn tour(party: &Party, url: &str, password: &str) -> Result<String> {
    let cast = Cast::find(party)?;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n== {} ==", party.brand.name);
    for job in JOBS {
        let login = job.login(party.brand);
        let _ =
            writeln!(text, "\n{}: sign in at {url}/console as {login}, password {password}", job.called(party.brand));
        let _ = writeln!(
            text,
            "   T=$(curl -s {url}/v1/auth/token -H 'Content-Type: application/json' -d '{{\"login\": \"{login}\", \"password\": \
             \"{password}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
        );
        for (place, Thing { see, console, api }) in cast.things(&job, party).into_iter().enumerate() {
            let _ = writeln!(text, "   {}. {see}", place + 1);
            let _ = writeln!(text, "      {url}{console}");
            let _ = writeln!(text, "      curl -s -H \"Authorization: Bearer $T\" '{url}{api}'");
        }
    }
    Ok(text)
}

/// Those of the stories whom everybody looks at, by their One ID.
struct Cast {
    hot: String,
    hot_send: String,
    withdrawn: String,
    withheld: String,
    owner: String,
    silent: String,
    waiting: String,
}

impl Cast {
    fn find(party: &Party) -> Result<Self> {
        let id = |story: Story| profile(&party.api, &people::user_id(party.brand, 1, story.number()));
        let (hot, withdrawn) = (id(Story::Hot)?, id(Story::Withdrawn)?);
        Ok(Self {
            hot_send: invitation(party, &hot)?,
            withheld: invitation(party, &withdrawn)?,
            hot,
            withdrawn,
            owner: id(Story::Owner)?,
            silent: id(Story::Silent)?,
            waiting: id(Story::Waiting)?,
        })
    }

    fn things(&self, job: &Job, party: &Party) -> [Thing; 3] {
        let id = |key: &str| party.definitions.id(key);
        let (follow_up, intent) = (id("follow_up"), id("high_intent"));
        let customer =
            |see: &str, id: &str| thing(see, format!("/console/customers/{id}"), format!("/v1/profiles/{id}"));
        let why = |see: &str, id: &str, what: &str, which: &str| {
            thing(
                see,
                format!("/console/customers/{id}/why/{what}/{which}"),
                format!("/v1/profiles/{id}/explain/{what}/{which}"),
            )
        };
        let stats = |see: &str, kind: &str, id: &str| {
            thing(see, format!("/console/{kind}/{id}"), format!("/v1/{kind}/{id}/stats"))
        };
        match job.login {
            "dcc" => [
                customer("a hot lead of this store: devices, test drive, tag lead_grade = H with its cause", &self.hot),
                why("why they got the invitation", &self.hot, "sends", &self.hot_send),
                customer("a lead who has not come for a drive: where in the journey, until when", &self.waiting),
            ],
            "manager" => [
                stats("the lead follow-up with who is at which step", "journeys", follow_up),
                customer("an owner of three years: car, stages per car, services, renewals", &self.owner),
                thing(
                    "everything that happened to them, newest first",
                    format!("/console/customers/{}/timeline", self.owner),
                    format!("/v1/profiles/{}/timeline?limit=20", self.owner),
                ),
            ],
            "operations" => [
                thing(
                    "two accounts with one phone: are they one person?",
                    "/console/identity",
                    "/v1/identity/conflicts",
                ),
                thing(
                    "two events of a wrong form, with their reasons, to correct and send again",
                    "/console/letters",
                    "/v1/dead-letters",
                ),
                thing("events as they come in", "/console/live", "/v1/events/debug"),
            ],
            "marketing" => [
                stats("customers of high intent, counted as they change", "segments", intent),
                why("why the hot lead is one of them", &self.hot, "segments", intent),
                stats("owners who have not come for over a year", "segments", id("silent_owners")),
            ],
            _ => [
                why(
                    "why somebody did not get the invitation: they had withdrawn",
                    &self.withdrawn,
                    "sends",
                    &self.withheld,
                ),
                thing(
                    "every word of consent that counts, with what follows from it",
                    format!("/console/customers/{}", self.withdrawn),
                    format!("/v1/profiles/{}/consents", self.withdrawn),
                ),
                customer("an owner who never came for service; personal values are masked for everybody", &self.silent),
            ],
        }
    }
}

/// The invitation of a customer: the send of the node `invite`.
fn invitation(party: &Party, customer: &str) -> Result<String> {
    let profile = party.api.expect("GET", &format!("/v1/profiles/{customer}"), None)?;
    let invited = profile["sends"].as_array().into_iter().flatten().find(|send| send["node"] == "invite");
    let key = invited.and_then(|send| send["send"].as_str()).map(str::to_owned);
    key.with_context(|| format!("{customer} was not asked for an invitation"))
}
