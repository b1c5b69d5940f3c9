//! Dead letters: what could not be applied, why, and how it is put right.

use crate::ask::{Problem, Refused, encoded, is_id, not_found};
use crate::person::{Person, Reply};
use crate::posted::Posted;
use crate::shell::{Page, goto};
use axum::extract::{Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `GET /console/letters?status=&cursor=`.
pub(crate) async fn list(person: Person, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let page = listed(&person, &query).await;
    person.answer(page).await
}

async fn listed(person: &Person, query: &BTreeMap<String, String>) -> Result<Page, Refused> {
    let status = query.get("status").map_or("open", String::as_str);
    let asked = if status == "all" { String::new() } else { format!("&status={}", encoded(status)) };
    let cursor = query.get("cursor").map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
    let found = person.ask.get(&format!("/v1/dead-letters?limit=50{asked}{cursor}")).await?;
    Ok(Page::new(
        "letters.html",
        json!({
            "section": "letters",
            "rows": found["data"],
            "status": status,
            "next": found["next_cursor"],
            "first": query.contains_key("cursor"),
        }),
    ))
}

/// `GET /console/letters/{id}`.
pub(crate) async fn one(
    person: Person,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let done = query.get("done").filter(|done| matches!(done.as_str(), "fixed" | "replayed"));
    let page = shown(&person, &id, json!({ "done": done })).await;
    person.answer(page).await
}

/// The letter, with what a form on it came to.
async fn shown(person: &Person, id: &str, with: Value) -> Result<Page, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let letter = person.ask.get(&format!("/v1/dead-letters/{id}")).await?;
    let corrected = &letter["correction"]["event"];
    let event = if corrected.is_object() { corrected } else { &letter["event"] };
    let text = serde_json::to_string_pretty(event).unwrap_or_default();
    let mut context = json!({
        "section": "letters",
        "id": id,
        "text": if event.is_object() { text } else { String::new() },
        "letter": letter,
    });
    if let (Value::Object(context), Value::Object(with)) = (&mut context, with) {
        context.extend(with);
    }
    Ok(Page::new("letter.html", context))
}

/// `POST /console/letters/{id}/fix`: the corrected event; with `then=replay` it is sent at once. What is refused stands
/// in the form again, with the reason and the place.
pub(crate) async fn fix(Path(id): Path<String>, posted: Posted) -> Response {
    let page = fixed(&posted, &id).await;
    posted.person.answer(page).await
}

async fn fixed(posted: &Posted, id: &str) -> Result<Reply, Refused> {
    if !is_id(id) {
        return Err(not_found());
    }
    let text = posted.text("body");
    let event: Value = match serde_json::from_str(text) {
        Ok(event @ Value::Object(_)) => event,
        Ok(_) => return refused(posted, id, unreadable("write one JSON object: the event")).await,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return refused(posted, id, unreadable(&format!("this is no JSON: {place}"))).await;
        }
    };
    match posted.person.ask.ask(Method::PUT, &format!("/v1/dead-letters/{id}"), Some(event)).await {
        Ok(_) if posted.text("then") == "replay" => replayed(posted, id).await,
        Ok(_) => Ok(Reply::Goto(format!("/console/letters/{id}?done=fixed"))),
        Err(Refused::Problem(problem)) => refused(posted, id, *problem).await,
        Err(Refused::Unavailable) => {
            let detail = "this API replays letters and does not correct them";
            refused(posted, id, Problem::new(StatusCode::NOT_FOUND, "unavailable", detail)).await
        }
        Err(refused @ Refused::SignIn) => expired(posted, id, refused),
    }
}

fn unreadable(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

/// `POST /console/letters/{id}/replay`.
pub(crate) async fn replay(Path(id): Path<String>, posted: Posted) -> Response {
    let page = if is_id(&id) { replayed(&posted, &id).await } else { Err(not_found()) };
    posted.person.answer(page).await
}

async fn replayed(posted: &Posted, id: &str) -> Result<Reply, Refused> {
    match posted.person.ask.post(&format!("/v1/dead-letters/{id}/replay"), None).await {
        // Whether it was applied or refused again: the page says so, and does not send it a second time when reloaded.
        Ok(answer) if answer["replay"]["outcome"] == "refused" => {
            let with = json!({ "replay": answer["replay"] });
            Ok(shown(&posted.person, id, with).await?.into())
        }
        Ok(_) => Ok(Reply::Goto(format!("/console/letters/{id}?done=replayed"))),
        Err(Refused::Problem(problem)) => refused(posted, id, *problem).await,
        Err(refused) => Err(refused),
    }
}

/// The page again: the reason above the form, what was written in it.
async fn refused(posted: &Posted, id: &str, problem: Problem) -> Result<Reply, Refused> {
    let status = problem.status;
    let mut with = json!({ "problem": problem.body });
    let text = posted.text("body");
    if !text.is_empty() {
        with["text"] = json!(text);
    }
    Ok(shown(&posted.person, id, with).await?.status(status).into())
}

/// The session ended while the form was being filled. Its text is on the page that says so, to be copied.
fn expired(posted: &Posted, id: &str, refused: Refused) -> Result<Reply, Refused> {
    let text = posted.text("body");
    if text.is_empty() {
        return Err(refused);
    }
    let context = json!({
        "section": "letters",
        "problem": { "code": "signed_out", "status": 401 },
        "kept": text,
        "back": format!("/console/letters/{id}"),
    });
    Ok(Page::new("problem.html", context).status(401).into())
}

/// The page a form stands on, by the address it is sent to.
pub(crate) fn page_of_form(here: &str) -> &str {
    let path = here.split('?').next().unwrap_or_default();
    let letter = path.strip_prefix("/console/letters/").and_then(|rest| rest.split('/').next());
    match letter.filter(|id| is_id(id)) {
        Some(id) => &path[.."/console/letters/".len() + id.len()],
        None if path.starts_with("/console/identity") => "/console/identity",
        None => "/console",
    }
}

/// A letter with the text that was written before signing in again.
pub(crate) async fn with_draft(person: &Person, place: &str, draft: &str) -> Response {
    match place.strip_prefix("/console/letters/").filter(|id| is_id(id)) {
        Some(id) => {
            let page = shown(person, id, json!({ "text": draft, "kept": true })).await;
            person.answer(page).await
        }
        None => goto(place),
    }
}

#[cfg(test)]
mod tests {
    use super::page_of_form;

    #[test]
    fn a_form_leads_back_to_the_page_it_stands_on() {
        assert_eq!(page_of_form("/console/letters/dl_1/fix"), "/console/letters/dl_1");
        assert_eq!(page_of_form("/console/letters/138/fix"), "/console");
        assert_eq!(page_of_form("/console/identity/merge"), "/console/identity");
        assert_eq!(page_of_form("/console/search"), "/console");
    }
}
