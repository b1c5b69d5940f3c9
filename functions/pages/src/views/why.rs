//! Why somebody is in a segment, stands where they stand in a journey, was sent a message or was not.

use super::names;
use crate::ask::{Problem, Refused, is_id, not_found};
use crate::person::Person;
use crate::shell::Page;
use axum::extract::Path;
use axum::response::Response;
use serde_json::{Value, json};

/// `GET /console/customers/{id}/why/{segments|journeys|sends}/{which}`.
pub(crate) async fn why(person: Person, Path((id, what, which)): Path<(String, String, String)>) -> Response {
    let page = page(&person, &id, &what, &which).await;
    person.answer(page).await
}

async fn page(person: &Person, id: &str, what: &str, which: &str) -> Result<Page, Refused> {
    let known = matches!(what, "segments" | "journeys" | "sends");
    if !known || !is_id(id) || !is_id(which) {
        return Err(not_found());
    }
    let profile = person.ask.get(&format!("/v1/profiles/{id}")).await?;
    let explained = match person.ask.get(&format!("/v1/profiles/{id}/explain/{what}/{which}")).await {
        Ok(explained) => explained,
        // This API explains nothing yet: what the profile itself says of it is shown.
        Err(Refused::Unavailable) => Value::Null,
        Err(refused) => return Err(refused),
    };
    let known = known_of(&profile, what, which);
    if explained.is_null() && known.is_null() {
        let detail = "the profile has nothing of this, and the API does not explain it";
        return Err(Problem::new(axum::http::StatusCode::NOT_FOUND, "not_found", detail).into());
    }
    Ok(Page::new(
        "why.html",
        json!({
            "section": "customers",
            "id": id,
            "what": what,
            "which": which,
            "names": names::names(&person.ask).await?,
            "explained": explained,
            "known": known,
        }),
    ))
}

/// The send, run or membership as the profile has it.
fn known_of(profile: &Value, what: &str, which: &str) -> Value {
    let (list, key) = if what == "sends" { ("sends", "send") } else { (what, "id") };
    let mut rows = profile[list].as_array().into_iter().flatten();
    rows.find(|row| row[key] == which).cloned().unwrap_or_default()
}
