//! The first page: search, and what there is.

use crate::ask::{Refused, not_found, section};
use crate::person::{Person, Visitor, to_sign_in};
use crate::shell::{Page, Pages};
use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// `GET /console`.
pub(crate) async fn home(person: Person) -> Response {
    let page = page(&person).await;
    person.answer(page).await
}

async fn page(person: &Person) -> Result<Page, Refused> {
    let ask = &person.ask;
    Ok(Page::new(
        "home.html",
        json!({
            "section": "home",
            "segments": section(ask.get("/v1/segments?limit=200").await)?,
            "journeys": section(ask.get("/v1/journeys?limit=200").await)?,
            "letters": section(ask.get("/v1/dead-letters?status=open&limit=200").await)?,
            "sends": section(ask.get("/v1/sends/stats").await)?,
        }),
    ))
}

/// Any other path below `/console`.
pub(crate) async fn nothing_here(State(pages): State<Arc<Pages>>, visitor: Visitor) -> Response {
    match Person::of(visitor, &pages) {
        Ok(person) => person.answer(Err::<Page, _>(not_found())).await,
        // The path may be anything somebody typed: it is not remembered.
        Err(visitor) => to_sign_in(&Visitor { here: "/console".into(), ..visitor }, false),
    }
}
