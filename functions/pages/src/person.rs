//! Who looks: a visitor has a language and a place, a signed-in person also a token.

use crate::ask::{Asker, Refused, encoded};
use crate::cookies;
use crate::language::Lang;
use crate::session;
use crate::shell::{Page, Pages};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// Anybody who asks for a page.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) lang: Lang,
    /// Path and query of the page.
    pub(crate) here: String,
    pub(crate) secure: bool,
    pub(crate) token: Option<String>,
    /// The cookie of the sign-in form.
    pub(crate) form: Option<String>,
}

impl FromRequestParts<Arc<Pages>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Pages>) -> Result<Self, Infallible> {
        // Nested routers see the rest of the path; the whole is what a person can come back to.
        let whole = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Ok(Self {
            lang: Lang::of(whole.query(), &parts.headers),
            here: whole.path_and_query().map(|place| place.as_str().to_owned()).unwrap_or_default(),
            secure: cookies::is_secure(&parts.headers),
            token: cookies::get(&parts.headers, cookies::SESSION),
            form: cookies::get(&parts.headers, cookies::FORM),
        })
    }
}

/// Somebody who is signed in, as far as a cookie can say: the API has the last word on every question.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) visitor: Visitor,
    pub(crate) pages: Arc<Pages>,
    pub(crate) ask: Asker,
    /// What every form of this session carries.
    pub(crate) csrf: String,
}

impl FromRequestParts<Arc<Pages>> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Arc<Pages>) -> Result<Self, Response> {
        let visitor = match Visitor::from_request_parts(parts, pages).await {
            Ok(visitor) => visitor,
            Err(never) => match never {},
        };
        Person::of(visitor, pages).map_err(|visitor| to_sign_in(&visitor, false))
    }
}

/// What a handler may answer besides a page.
pub(crate) enum Reply {
    Page(Page),
    /// A place of the console.
    Goto(String),
}

impl From<Page> for Reply {
    fn from(page: Page) -> Self {
        Self::Page(page)
    }
}

impl Person {
    /// `visitor` back where they are not signed in.
    pub(crate) fn of(visitor: Visitor, pages: &Arc<Pages>) -> Result<Self, Visitor> {
        let Some(token) = visitor.token.clone() else { return Err(visitor) };
        let csrf = session::of_token(&token);
        let ask = Asker::new(pages.api.clone(), Some(token));
        Ok(Self { visitor, pages: pages.clone(), ask, csrf })
    }

    pub(crate) fn lang(&self) -> Lang {
        self.visitor.lang
    }

    /// The answer to a request: the page, or why there is none.
    pub(crate) async fn answer<R: Into<Reply>>(&self, reply: Result<R, Refused>) -> Response {
        let page = match reply.map(Into::into) {
            Ok(Reply::Page(page)) => page,
            Ok(Reply::Goto(to)) => return crate::shell::goto(&to),
            Err(Refused::SignIn) => return to_sign_in(&self.visitor, true),
            Err(Refused::Unavailable) => {
                Page::new("problem.html", json!({ "problem": { "code": "unavailable", "status": 404 } })).status(404)
            }
            Err(Refused::Problem(problem)) => {
                Page::new("problem.html", json!({ "problem": problem.body })).status(problem.status)
            }
        };
        match self.shared().await {
            Ok(shared) => self.pages.answer(&self.visitor, shared, page),
            Err(_) => to_sign_in(&self.visitor, true),
        }
    }

    /// What the frame shows of the person.
    async fn shared(&self) -> Result<Value, Refused> {
        let me = match self.ask.get("/v1/me").await {
            Ok(me) => me,
            Err(Refused::SignIn) => return Err(Refused::SignIn),
            Err(Refused::Unavailable | Refused::Problem(_)) => Value::Null,
        };
        Ok(json!({ "csrf": self.csrf, "me": me, "signed_in": true }))
    }
}

/// To the sign-in page, which remembers where the person wanted to be.
pub(crate) fn to_sign_in(visitor: &Visitor, expired: bool) -> Response {
    let place = crate::place::ours(&visitor.here).filter(|place| *place != "/console");
    let next = place.map(|place| format!("next={}", encoded(place)));
    let why = expired.then(|| "expired=1".to_owned());
    let query: Vec<String> = next.into_iter().chain(why).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let to = HeaderValue::from_str(&format!("/console/sign-in{query}"));
    let to = to.unwrap_or_else(|_| HeaderValue::from_static("/console/sign-in"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    if let Some(cookie) = cookies::clear(cookies::SESSION, visitor.secure).filter(|_| expired) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
