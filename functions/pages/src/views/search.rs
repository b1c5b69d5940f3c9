//! Finding customers. What is searched for is posted and never stands in an address.

use super::names;
use crate::ask::{Asker, Refused, encoded, is_id};
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
    let found = match ask.get(&format!("/v1/profiles?limit=50&q={}", encoded(&wanted))).await {
        Ok(page) => page["data"].as_array().cloned().unwrap_or_default(),
        Err(Refused::Unavailable) => look_up(ask, &wanted).await?,
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

/// The search of an API that has only look-ups: the kinds a text could be, one after the other.
async fn look_up(ask: &Asker, wanted: &str) -> Result<Vec<Value>, Refused> {
    let mut paths = Vec::new();
    if wanted.starts_with("cus_") && is_id(wanted) {
        paths.push(format!("/v1/profiles/{wanted}"));
    } else if wanted.contains(':') {
        paths.push(format!("/v1/profiles/lookup?key={}", encoded(wanted)));
    }
    for kind in ["phone", "email", "userId", "unionid", "device", "anonymousId"] {
        paths.push(format!("/v1/profiles/lookup?key={kind}:{}", encoded(wanted)));
    }
    let mut found: Vec<Value> = Vec::new();
    for path in paths {
        match ask.get(&path).await {
            Ok(profile) if found.iter().all(|known| known["id"] != profile["id"]) => found.push(profile),
            Ok(_) | Err(Refused::Unavailable) => {}
            // Not a phone number, not known under this kind: the next one may be it.
            Err(Refused::Problem(problem)) if matches!(problem.status, 400 | 404 | 422) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(found)
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
        let segments = match names::all(&person.ask, "segments").await {
            Ok(segments) => segments,
            Err(Refused::SignIn) => return Err(Refused::SignIn),
            Err(Refused::Unavailable | Refused::Problem(_)) => Vec::new(),
        };
        let published: Vec<Value> = segments.into_iter().filter(|one| !one["published_revision"].is_null()).collect();
        let context = json!({ "section": "customers", "rows": [], "searched": false, "segments": published });
        return Ok(Page::new("found.html", context));
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
