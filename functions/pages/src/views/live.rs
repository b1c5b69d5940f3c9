//! Events as they come in. The list works without script; with it, new ones appear by themselves.

use crate::ask::{Refused, section};
use crate::person::Person;
use crate::shell::{LIVE_POLICY, Page};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// `GET /console/live`.
pub(crate) async fn live(person: Person) -> Response {
    let page = page(&person).await;
    person.answer(page).await
}

async fn page(person: &Person) -> Result<Page, Refused> {
    let found = section(person.ask.get("/v1/events/debug").await)?;
    let rows = if found["data"].is_array() { &found["data"] } else { &found["data"]["data"] };
    let context = json!({ "section": "live", "state": found["state"], "problem": found["problem"], "rows": rows });
    Ok(Page { policy: LIVE_POLICY, ..Page::new("live.html", context) })
}

/// `GET /console/live/stream`: the stream of the API, for the browser's own session.
pub(crate) async fn stream(person: Person) -> Response {
    match person.ask.stream("/v1/events/debug").await {
        Ok(events) => {
            let mut response = Response::new(events.into_body());
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            response
        }
        // A browser ends its listening at any of these, and does not come back every few seconds.
        Err(Refused::SignIn) => StatusCode::UNAUTHORIZED.into_response(),
        Err(Refused::Unavailable) => StatusCode::NOT_FOUND.into_response(),
        Err(Refused::Problem(problem)) => {
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY).into_response()
        }
    }
}
