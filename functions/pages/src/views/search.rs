//! Finding customers. What is searched for is posted and never stands in an address.

use super::names;
use crate::ask::{Asker, Refused, encoded, is_id, section};
use crate::person::{Person, Reply};
use crate::posted::Posted;
use crate::shell::Page;
use axum::extract::Query;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest text that is searched for.
const QUERY_CHARS_MAX: usize = 256;

/// `POST /console/search`.
pub(crate) async fn search(posted: Posted) -> Response {
    let page = find(&posted).await;
    posted.person.answer(page).await
}

async fn find(posted: &Posted) -> Result<Reply, Refused> {
    let wanted: String = posted.text("q").chars().take(QUERY_CHARS_MAX).collect();
    if wanted.is_empty() {
        return Ok(Reply::Goto("/console".into()));
    }
    let ask = &posted.person.ask;
    let found = match search_for(ask, &wanted).await {
        Ok(found) => found,
        // What was typed cannot be searched for: told beside the form, with the text still in it.
        Err(Refused::Problem(problem)) if problem.status < 500 && problem.status != 403 && problem.status != 429 => {
            return Ok(listed(Vec::new(), Some(&wanted), Some(problem.body)).into());
        }
        Err(refused) => return Err(refused),
    };
    match found.as_slice() {
        [one] => match one["id"].as_str().filter(|id| is_id(id)) {
            Some(id) => Ok(Reply::Goto(format!("/console/customers/{id}"))),
            None => Ok(listed(found, Some(&wanted), None).into()),
        },
        _ => Ok(listed(found, Some(&wanted), None).into()),
    }
}

/// By `kind:value` where it reads as one, else by anything it could be.
async fn search_for(ask: &Asker, wanted: &str) -> Result<Vec<Value>, Refused> {
    let rows = |page: Value| page["data"].as_array().cloned().unwrap_or_default();
    if wanted.contains(':') {
        match ask.get(&format!("/v1/profiles?key={}", encoded(wanted))).await {
            Ok(page) => return Ok(rows(page)),
            Err(Refused::Problem(problem)) if problem.status == 400 => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(rows(ask.get(&format!("/v1/profiles?limit=50&q={}", encoded(wanted))).await?))
}

fn listed(found: Vec<Value>, wanted: Option<&str>, problem: Option<Value>) -> Page {
    let context = json!({
        "section": "customers", "rows": found, "wanted": wanted, "searched": true, "problem": problem,
    });
    Page::new("found.html", context)
}

/// `GET /console/customers?segment=&tag=&stage=&cursor=`: lists that name no person.
pub(crate) async fn browse(person: Person, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let page = browsed(&person, &query).await;
    person.answer(page).await
}

async fn browsed(person: &Person, query: &BTreeMap<String, String>) -> Result<Page, Refused> {
    let filters: Vec<(&str, &String)> = ["segment", "tag", "stage"]
        .into_iter()
        .filter_map(|name| query.get(name).filter(|value| !value.is_empty()).map(|value| (name, value)))
        .collect();
    if filters.is_empty() {
        return everybody(person, query.get("cursor")).await;
    }
    let asked: Vec<String> = filters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let asked = asked.join("&");
    let cursor = query.get("cursor").map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
    let page = person.ask.get(&format!("/v1/profiles?limit=50&{asked}{cursor}")).await?;
    Ok(Page::new(
        "found.html",
        json!({
            "section": "customers",
            "rows": page["data"],
            "searched": true,
            "browsed": filters.iter().map(|(name, value)| json!({ "by": name, "value": value })).collect::<Vec<_>>(),
            "asked": asked,
            "next": page["next_cursor"],
            "first": query.contains_key("cursor"),
            "names": names::names(&person.ask).await?,
        }),
    ))
}

/// Everybody, eldest first, with ways to see fewer.
async fn everybody(person: &Person, cursor: Option<&String>) -> Result<Page, Refused> {
    let after = cursor.map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
    let found = section(person.ask.get(&format!("/v1/profiles?limit=20{after}")).await)?;
    let segments = section(names::all(&person.ask, "segments").await.map(Value::Array))?;
    let published = segments["data"].as_array().into_iter().flatten();
    let published: Vec<&Value> = published.filter(|one| !one["published_revision"].is_null()).collect();
    let context = json!({
        "section": "customers",
        "searched": false,
        "rows": found["data"]["data"],
        "problem": found["problem"],
        "next": found["data"]["next_cursor"],
        "first": cursor.is_some(),
        "asked": "",
        "segments": published,
    });
    Ok(Page::new("found.html", context))
}
