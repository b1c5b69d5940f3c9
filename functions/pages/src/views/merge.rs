//! Two customers become one, after a look at what that would do; and apart again.

use super::{identity, names};
use crate::ask::{Problem, Refused, is_id};
use crate::person::{Person, Reply};
use crate::posted::Posted;
use crate::shell::Page;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

/// `POST /console/identity/merge/preview`: what a merge would do. Nothing is changed.
pub(crate) async fn preview(posted: Posted) -> Response {
    let reply = previewed(&posted).await;
    posted.person.answer(reply).await
}

async fn previewed(posted: &Posted) -> Result<Reply, Refused> {
    let person = &posted.person;
    let (a, b) = match pair(posted) {
        Ok(pair) => pair,
        Err(problem) => return refused(posted, problem).await,
    };
    let preview = match person.ask.post("/v1/identity/merge/preview", Some(json!({ "customers": [a, b] }))).await {
        Ok(preview) => preview,
        Err(Refused::Unavailable) => Value::Null,
        Err(Refused::Problem(problem)) => return refused(posted, *problem).await,
        Err(refused) => return Err(refused),
    };
    let sides = [side(person, &a).await?, side(person, &b).await?];
    let context = json!({ "section": "identity", "customers": [a, b], "sides": sides, "preview": preview,
                          "names": names::names(&person.ask).await? });
    Ok(Page::new("merge.html", context).into())
}

/// A customer as the preview shows them.
async fn side(person: &Person, id: &str) -> Result<Value, Refused> {
    match person.ask.get(&format!("/v1/profiles/{id}")).await {
        Ok(profile) => Ok(profile),
        Err(Refused::Problem(problem)) => Ok(json!({ "id": id, "problem": problem.body })),
        Err(refused) => Err(refused),
    }
}

/// `POST /console/identity/merge`.
pub(crate) async fn merge(posted: Posted) -> Response {
    let reply = merged(&posted).await;
    posted.person.answer(reply).await
}

async fn merged(posted: &Posted) -> Result<Reply, Refused> {
    let (a, b) = match pair(posted) {
        Ok(pair) => pair,
        Err(problem) => return refused(posted, problem).await,
    };
    match posted.person.ask.post("/v1/identity/merge", Some(json!({ "customers": [a, b] }))).await {
        Ok(answer) => Ok(Reply::Goto(customer(&answer["id"], &a))),
        Err(Refused::Problem(problem)) => refused(posted, *problem).await,
        Err(refused) => Err(refused),
    }
}

/// `POST /console/identity/unmerge`.
pub(crate) async fn unmerge(posted: Posted) -> Response {
    let reply = unmerged(&posted).await;
    posted.person.answer(reply).await
}

async fn unmerged(posted: &Posted) -> Result<Reply, Refused> {
    let (customer, merged) = (posted.text("customer"), posted.text("merged"));
    if !is_id(customer) || !is_id(merged) {
        return refused(posted, not_ids()).await;
    }
    let body = json!({ "customer": customer, "restore": merged });
    match posted.person.ask.post("/v1/identity/unmerge", Some(body)).await {
        Ok(_) => Ok(Reply::Goto("/console/identity?done=unmerged".into())),
        Err(Refused::Problem(problem)) => refused(posted, *problem).await,
        Err(refused) => Err(refused),
    }
}

fn pair(posted: &Posted) -> Result<(String, String), Problem> {
    let (a, b) = (posted.text("a"), posted.text("b"));
    if is_id(a) && is_id(b) { Ok((a.to_owned(), b.to_owned())) } else { Err(not_ids()) }
}

fn not_ids() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_id", "write two customer ids, `cus_...`")
}

fn customer(id: &Value, otherwise: &str) -> String {
    let id = id.as_str().filter(|id| is_id(id)).unwrap_or(otherwise);
    format!("/console/customers/{id}")
}

/// The page of identities again, with the reason and what was written.
async fn refused(posted: &Posted, problem: Problem) -> Result<Reply, Refused> {
    let status = problem.status;
    let with = json!({ "problem": problem.body, "a": posted.text("a"), "b": posted.text("b") });
    Ok(identity::listed(&posted.person, with).await?.status(status).into())
}
