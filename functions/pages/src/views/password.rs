//! A person changes their own password.

use crate::ask::{Problem, Refused};
use crate::cookies;
use crate::person::Person;
use crate::posted::Posted;
use crate::shell::{Page, goto};
use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `GET /console/password`.
pub(crate) async fn form(person: Person, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let page = shown(json!({ "done": query.contains_key("done") }));
    person.answer(Ok(page)).await
}

fn shown(with: Value) -> Page {
    Page::new("password.html", with)
}

/// `POST /console/password`: this browser stays signed in, by the new token; every other one is signed out.
pub(crate) async fn change(posted: Posted) -> Response {
    match changed(&posted).await {
        Ok((token, lives_s)) => {
            let cookie = cookies::set(cookies::SESSION, &token, lives_s, posted.person.visitor.secure);
            let mut response = goto("/console/password?done=1");
            if let Some(cookie) = cookie {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(Refused::Problem(problem)) => {
            let page = shown(json!({ "problem": problem.body })).status(problem.status);
            posted.person.answer(Ok(page)).await
        }
        Err(refused @ (Refused::SignIn | Refused::Unavailable)) => posted.person.answer::<Page>(Err(refused)).await,
    }
}

/// The new token and for how many seconds it is good.
async fn changed(posted: &Posted) -> Result<(String, Option<u64>), Refused> {
    // A password may begin or end with a space, so it is taken as it was typed.
    let (old, new) = (posted.typed("old"), posted.typed("new"));
    if new != posted.typed("again") {
        let detail = "the new password was not typed the same twice";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "passwords_differ", detail).into());
    }
    let body = json!({ "old_password": old, "new_password": new });
    let answer = posted.person.ask.post("/v1/me/password", Some(body)).await?;
    let unreadable = || Problem::new(StatusCode::BAD_GATEWAY, "unreadable_answer", "the API gave no token");
    let token = answer["access_token"].as_str().ok_or_else(unreadable)?;
    Ok((token.to_owned(), answer["expires_in"].as_u64()))
}
