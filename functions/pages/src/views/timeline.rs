//! Everything that happened with a customer, newest first, a kind at a time if wanted.

use super::names;
use crate::ask::{Asker, Refused, encoded, is_id, not_found};
use crate::person::Person;
use crate::shell::Page;
use crate::story::{Family, Teller};
use axum::extract::{Path, Query};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows of one page of the API.
const READ_ROWS: usize = 100;
/// Pages of the API that are looked through for one page of ours. A filter that finds little ends its page early, with
/// a link that goes on.
const READ_PAGES_MAX: usize = 8;
/// Rows after which a page is full enough.
const ROWS_ENOUGH: usize = 40;

/// `GET /console/customers/{id}/timeline?kind=&cursor=`.
pub(crate) async fn timeline(
    person: Person,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let page = page(&person, &id, &query).await;
    person.answer(page).await
}

async fn page(person: &Person, id: &str, query: &BTreeMap<String, String>) -> Result<Page, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let kind = query.get("kind").and_then(|kind| Family::read(kind));
    let names = names::names(&person.ask).await?;
    let found = read(&person.ask, id, kind, query.get("cursor").map(String::as_str)).await?;
    let teller = Teller { texts: &person.pages.texts, lang: person.lang(), names: &names };
    let profile = person.ask.get(&format!("/v1/profiles/{id}")).await?;
    Ok(Page::new(
        "timeline.html",
        json!({
            "section": "customers",
            "id": id,
            "profile": profile,
            "rows": found.lines.iter().map(|line| teller.row(line)).collect::<Vec<_>>(),
            "kind": kind.map(Family::name),
            "kinds": Family::CHOICES.map(Family::name),
            "next": found.next,
            "first": query.contains_key("cursor"),
        }),
    ))
}

/// Lines of a timeline, and where to go on.
pub(crate) struct Found {
    pub(crate) lines: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// Looks through the timeline for lines of a kind.
pub(crate) async fn read(ask: &Asker, id: &str, kind: Option<Family>, cursor: Option<&str>) -> Result<Found, Refused> {
    let (mut lines, mut next) = (Vec::new(), cursor.map(str::to_owned));
    let limit = if kind.is_some() { READ_ROWS } else { ROWS_ENOUGH };
    for _ in 0..READ_PAGES_MAX {
        let cursor = next.take().map(|cursor| format!("&cursor={}", encoded(&cursor))).unwrap_or_default();
        let mut page = ask.get(&format!("/v1/profiles/{id}/timeline?limit={limit}{cursor}")).await?;
        if let Some(Value::Array(data)) = page.get_mut("data").map(Value::take) {
            lines.extend(data.into_iter().filter(|line| kind.is_none_or(|kind| Family::of(line) == kind)));
        }
        next = page["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() || lines.len() >= ROWS_ENOUGH {
            break;
        }
    }
    Ok(Found { lines, next })
}
