//! A form that changes something. A handler that takes [`Posted`] cannot be reached by a form of somebody else's page.

use crate::person::{Person, Visitor};
use crate::session;
use crate::shell::{Page, Pages};
use crate::views::sign_in;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest form. A dead letter is at most an event, and an event is at most 32 KB; percent-encoding triples it.
const FORM_BYTES_MAX: usize = 1 << 20;

/// The fields of a form, by name.
pub(crate) type Fields = BTreeMap<String, String>;

/// The limit for the whole router.
pub(crate) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(FORM_BYTES_MAX)
}

/// Reads the form of anybody.
pub(crate) async fn fields(request: Request) -> Result<Fields, Response> {
    let form = Form::<Fields>::from_request(request, &()).await;
    form.map(|Form(fields)| fields).map_err(IntoResponse::into_response)
}

/// A form of a signed-in person, with what it must carry.
pub(crate) struct Posted {
    pub(crate) person: Person,
    fields: Fields,
}

impl Posted {
    /// A field as it was typed; empty where the form has none of that name.
    pub(crate) fn typed(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A field without the space around it; empty where the form has none of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map(|text| text.trim()).unwrap_or_default()
    }
}

impl FromRequest<Arc<Pages>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, pages: &Arc<Pages>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = match Visitor::from_request_parts(&mut parts, pages).await {
            Ok(visitor) => visitor,
            Err(never) => match never {},
        };
        let fields = fields(Request::from_parts(parts, body)).await?;
        let person = match Person::of(visitor, pages) {
            Ok(person) => person,
            // What was written is on the sign-in page, and comes back after it.
            Err(visitor) => return Err(sign_in::again(pages, &visitor, &fields)),
        };
        let sent = fields.get("csrf").map(String::as_str).unwrap_or_default();
        if !session::same(sent, &person.csrf) {
            let context = json!({
                "problem": { "code": "form_expired", "status": 403 },
                "kept": fields.get("body"),
            });
            return Err(person.answer(Ok(Page::new("problem.html", context).status(403))).await);
        }
        Ok(Self { person, fields })
    }
}
