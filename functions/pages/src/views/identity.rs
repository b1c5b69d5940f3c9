//! Suggested merges, and what an unmerge could not decide.

use super::names;
use crate::ask::{Refused, is_id, not_found, section};
use crate::person::{Person, Reply};
use crate::posted::Posted;
use crate::shell::Page;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `GET /console/identity`.
pub(crate) async fn open(person: Person, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let done = query.get("done").filter(|done| matches!(done.as_str(), "dismissed" | "resolved" | "unmerged"));
    let page = listed(&person, json!({ "done": done })).await;
    person.answer(page).await
}

/// The page, with what a form on it came to.
pub(crate) async fn listed(person: &Person, with: Value) -> Result<Page, Refused> {
    let ask = &person.ask;
    let mut context = json!({
        "section": "identity",
        "conflicts": section(ask.get("/v1/identity/conflicts?limit=50").await)?,
        "reviews": section(ask.get("/v1/identity/reviews?limit=50").await)?,
        "names": names::names(ask).await?,
    });
    if let (Value::Object(context), Value::Object(with)) = (&mut context, with) {
        context.extend(with);
    }
    Ok(Page::new("identity.html", context))
}

/// `POST /console/identity/conflicts/{id}/dismiss`.
pub(crate) async fn dismiss(Path(id): Path<String>, posted: Posted) -> Response {
    let reply = decide(&posted, "conflicts", &id, "dismiss", "dismissed").await;
    posted.person.answer(reply).await
}

/// `POST /console/identity/reviews/{id}/resolve`.
pub(crate) async fn resolve(Path(id): Path<String>, posted: Posted) -> Response {
    let reply = decide(&posted, "reviews", &id, "resolve", "resolved").await;
    posted.person.answer(reply).await
}

async fn decide(posted: &Posted, list: &str, id: &str, verb: &str, done: &str) -> Result<Reply, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let note = posted.text("note");
    let body = if note.is_empty() { json!({}) } else { json!({ "note": note }) };
    match posted.person.ask.post(&format!("/v1/identity/{list}/{id}/{verb}"), Some(body)).await {
        Ok(_) => Ok(Reply::Goto(format!("/console/identity?done={done}"))),
        Err(Refused::Problem(problem)) => {
            let status = problem.status;
            let with = json!({ "problem": problem.body, "note": note, "noted": id });
            Ok(listed(&posted.person, with).await?.status(status).into())
        }
        Err(refused) => Err(refused),
    }
}
