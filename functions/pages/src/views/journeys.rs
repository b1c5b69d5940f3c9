//! Journeys: what they do, as a picture, and who stands where.

use super::names;
use super::segments::short;
use crate::ask::{Refused, encoded, is_id, not_found, section};
use crate::diagram;
use crate::person::Person;
use crate::shell::Page;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `GET /console/journeys`.
pub(crate) async fn list(person: Person) -> Response {
    let page = names::listed(&person, "journeys", "journeys.html").await;
    person.answer(page).await
}

/// `GET /console/journeys/{id}`.
pub(crate) async fn one(person: Person, Path(id): Path<String>) -> Response {
    let page = shown(&person, &id).await;
    person.answer(page).await
}

async fn shown(person: &Person, id: &str) -> Result<Page, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let journey = person.ask.get(&format!("/v1/journeys/{id}")).await?;
    let stats = section(person.ask.get(&format!("/v1/journeys/{id}/stats")).await)?;
    let names = names::names(&person.ask).await?;
    let painter = diagram::Painter { texts: &person.pages.texts, lang: person.lang(), names: &names };
    Ok(Page::new(
        "journey.html",
        json!({
            "section": "journeys",
            "title": journey["name"],
            "picture": painter.paint(&journey["definition"], &stats["data"]["nodes"]),
            "frame": painter.frame(&journey["definition"]),
            "journey": journey,
            "stats": stats,
        }),
    ))
}

/// `GET /console/journeys/{id}/nodes/{node}`: who is there.
pub(crate) async fn node(
    person: Person,
    Path((id, node)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let page = waiting(&person, &id, &node, query.get("cursor").map(String::as_str)).await;
    person.answer(page).await
}

async fn waiting(person: &Person, id: &str, node: &str, cursor: Option<&str>) -> Result<Page, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let journey = person.ask.get(&format!("/v1/journeys/{id}")).await?;
    let after = cursor.map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
    let path = format!("/v1/journeys/{id}/members?limit=50&node={}{after}", encoded(node));
    let mut members = section(person.ask.get(&path).await)?;
    let rows: Vec<Value> = members["data"]["data"].as_array().into_iter().flatten().map(member).collect();
    members["rows"] = json!(rows);
    Ok(Page::new(
        "waiting.html",
        json!({
            "section": "journeys",
            "title": journey["name"],
            "journey": journey,
            "node": node,
            "members": members,
            "next": members["data"]["next_cursor"],
            "first": cursor.is_some(),
        }),
    ))
}

/// A member with the customer's short profile beside where they stand.
fn member(row: &Value) -> Value {
    let mut shown = row.clone();
    let customer = short(row);
    shown["customer"] = customer;
    shown
}
