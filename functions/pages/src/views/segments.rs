//! Segments: who belongs to them and why, in words.

use super::names;
use crate::ask::{Refused, is_id, not_found, section};
use crate::condition::Reader;
use crate::person::Person;
use crate::shell::Page;
use axum::extract::Path;
use axum::response::Response;
use serde_json::{Value, json};

/// Members that are shown as a sample.
const SAMPLE: usize = 10;

/// `GET /console/segments`.
pub(crate) async fn list(person: Person) -> Response {
    let page = names::listed(&person, "segments", "segments.html").await;
    person.answer(page).await
}

/// `GET /console/segments/{id}`.
pub(crate) async fn one(person: Person, Path(id): Path<String>) -> Response {
    let page = shown(&person, &id).await;
    person.answer(page).await
}

async fn shown(person: &Person, id: &str) -> Result<Page, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let ask = &person.ask;
    let segment = ask.get(&format!("/v1/segments/{id}")).await?;
    let names = names::names(ask).await?;
    let reader = Reader { texts: &person.pages.texts, lang: person.lang(), names: &names };
    Ok(Page::new(
        "segment.html",
        json!({
            "section": "segments",
            "title": segment["name"],
            "condition": reader.read(&segment["condition"]),
            "stats": section(ask.get(&format!("/v1/segments/{id}/stats")).await)?,
            "members": members(person, id).await?,
            "segment": segment,
        }),
    ))
}

/// A sample of the members, as short profiles.
async fn members(person: &Person, id: &str) -> Result<Value, Refused> {
    let mut found = section(person.ask.get(&format!("/v1/segments/{id}/members?limit={SAMPLE}")).await)?;
    let rows = found["data"]["data"].as_array().cloned().unwrap_or_default();
    found["rows"] = rows.iter().map(short).collect();
    Ok(found)
}

/// A member as a short profile: some lists give the profile itself, some an entry that names it.
pub(crate) fn short(row: &Value) -> Value {
    let mut row = row.clone();
    for member in ["customer", "profile"] {
        match row[member].take() {
            Value::Null => {}
            inner @ Value::Object(_) => row = inner,
            id => row["id"] = id,
        }
    }
    row
}
