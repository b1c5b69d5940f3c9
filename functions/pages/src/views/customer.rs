//! One customer: who they are, why they are where they are, what was sent and what was not.

use super::{names, timeline};
use crate::ask::{Refused, is_id, not_found, section};
use crate::person::{Person, Reply};
use crate::shell::Page;
use crate::story::{Family, Teller};
use axum::extract::Path;
use axum::response::Response;
use serde_json::{Value, json};

/// Lines of the timeline that stand on this page; the rest has a page of its own.
const LATEST: usize = 12;

/// `GET /console/customers/{id}`.
pub(crate) async fn customer(person: Person, Path(id): Path<String>) -> Response {
    let page = page(&person, &id).await;
    person.answer(page).await
}

async fn page(person: &Person, id: &str) -> Result<Reply, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let ask = &person.ask;
    let profile = ask.get(&format!("/v1/profiles/{id}")).await?;
    // An id that was merged away leads to the customer it is now, and the address says so.
    let now = profile["id"].as_str().filter(|now| is_id(now)).unwrap_or(id);
    if now != id {
        return Ok(Reply::Goto(format!("/console/customers/{now}")));
    }
    let names = names::names(ask).await?;
    let teller = Teller { texts: &person.pages.texts, lang: person.lang(), names: &names };
    let latest = ask.get(&format!("/v1/profiles/{id}/timeline?limit={LATEST}")).await?;
    let merged = profile["merged_from"].as_array().is_some_and(|merged| !merged.is_empty());
    let merges = if merged { merges(person, id).await? } else { Vec::new() };
    let rows: Vec<Value> = latest["data"].as_array().into_iter().flatten().map(|line| teller.row(line)).collect();
    Ok(Page::new(
        "customer.html",
        json!({
            "section": "customers",
            "id": id,
            "title": headline(&profile),
            "headline": headline(&profile),
            "profile": profile,
            "names": names,
            "stages": section(ask.get(&format!("/v1/profiles/{id}/stages")).await)?,
            "consents": section(ask.get(&format!("/v1/profiles/{id}/consents")).await)?,
            "tags": section(ask.get("/v1/tag-definitions?limit=200").await)?,
            "merges": merges,
            "rows": rows,
            "more": latest["has_more"],
        }),
    )
    .into())
}

/// The masked name, else the strongest identifier, masked too.
fn headline(profile: &Value) -> Value {
    let name = [&profile["traits"]["name"], &profile["name"]].into_iter().find(|name| name.is_string());
    name.unwrap_or(&profile["identifiers"][0]["value"]).clone()
}

/// Who was merged into this customer, when and by what: the facts of the timeline.
async fn merges(person: &Person, id: &str) -> Result<Vec<Value>, Refused> {
    let found = timeline::read(&person.ask, id, Some(Family::Identity), None).await?;
    Ok(found.lines.into_iter().filter(|line| matches!(line["fact"].as_str(), Some("merged" | "unmerged"))).collect())
}
