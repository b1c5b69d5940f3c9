//! In and out.

use crate::ask::{Asker, Problem, Refused};
use crate::person::{Person, Visitor};
use crate::posted::{self, Fields, Posted};
use crate::shell::{Page, Pages, goto};
use crate::views::letters;
use crate::{cookies, place, session};
use axum::extract::{ConnectInfo, FromRequestParts, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// How long a person stays signed in whose token does not say: an API key, until the browser is closed.
const SESSION_S_MAX: u64 = 7 * 86_400;

/// `GET /console/sign-in?next=`.
pub(crate) async fn form(
    State(pages): State<Arc<Pages>>,
    visitor: Visitor,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let next = query.get("next").and_then(|next| place::ours(next)).unwrap_or("/console");
    let context = json!({ "next": next, "expired": query.contains_key("expired") });
    shown(&pages, &visitor, context, StatusCode::OK)
}

/// The sign-in page instead of the answer to a form: what was written in it is kept.
pub(crate) fn again(pages: &Pages, visitor: &Visitor, fields: &Fields) -> Response {
    let back = place::ours(&visitor.here).map(letters::page_of_form).unwrap_or("/console");
    let context = json!({ "next": back, "expired": true, "draft": fields.get("body") });
    shown(pages, visitor, context, StatusCode::UNAUTHORIZED)
}

/// The page with both halves of its form: one in the cookie, one in the page.
fn shown(pages: &Pages, visitor: &Visitor, mut context: Value, status: StatusCode) -> Response {
    let Some(cookie) = visitor.form.clone().or_else(session::fresh) else {
        let problem = json!({ "code": "no_randomness", "status": 503 });
        return pages.answer(
            visitor,
            Value::Null,
            Page::new("problem.html", json!({ "problem": problem })).status(503),
        );
    };
    context["csrf"] = json!(session::of_cookie(&cookie));
    let page = Page::new("sign_in.html", context).status(status.as_u16());
    let visitor = Visitor { here: "/console/sign-in".into(), ..visitor.clone() };
    let mut response = pages.answer(&visitor, Value::Null, page);
    if let Some(cookie) = cookies::set(cookies::FORM, &cookie, None, visitor.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /console/sign-in`: name and password, or an API key.
pub(crate) async fn enter(State(pages): State<Arc<Pages>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().copied();
    let visitor = match Visitor::from_request_parts(&mut parts, &pages).await {
        Ok(visitor) => visitor,
        Err(never) => match never {},
    };
    let fields = match posted::fields(Request::from_parts(parts, body)).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    let text = |name: &str| fields.get(name).map(|text| text.trim()).unwrap_or_default();
    let expected = visitor.form.as_deref().map(session::of_cookie).unwrap_or_default();
    let next = place::ours(text("next")).unwrap_or("/console");
    let mut context = json!({ "next": next, "login": text("login"), "draft": fields.get("draft") });
    if expected.is_empty() || !session::same(text("csrf"), &expected) {
        context["problem"] = json!({ "code": "form_expired" });
        return shown(&pages, &visitor, context, StatusCode::FORBIDDEN);
    }
    match prove(&pages, &fields, peer).await {
        Ok((token, lives_s)) => welcome(&pages, &visitor, (token, lives_s), next, fields.get("draft")).await,
        Err(refused) => {
            let (status, problem) = told(refused);
            context["problem"] = problem;
            context["with_key"] = json!(!text("key").is_empty());
            shown(&pages, &visitor, context, status)
        }
    }
}

/// The token and for how many seconds it is good, where that is known.
async fn prove(
    pages: &Pages,
    fields: &Fields,
    peer: Option<ConnectInfo<SocketAddr>>,
) -> Result<(String, Option<u64>), Refused> {
    let text = |name: &str| fields.get(name).map(|text| text.trim()).unwrap_or_default();
    let key = text("key");
    if !key.is_empty() {
        check(&Asker::new(pages.api.clone(), Some(key.to_owned()))).await?;
        return Ok((key.to_owned(), None));
    }
    // A password may begin or end with a space, so it is taken as it was typed.
    let password = fields.get("password").map(String::as_str).unwrap_or_default();
    let mut body = json!({ "login": text("login"), "password": password });
    if !text("tenant").is_empty() {
        body["tenant"] = json!(text("tenant"));
    }
    let answer = Asker::new(pages.api.clone(), None).from(peer).post("/v1/auth/token", Some(body)).await?;
    let unreadable = || Problem::new(StatusCode::BAD_GATEWAY, "unreadable_answer", "the API gave no token");
    let token = answer["access_token"].as_str().ok_or_else(unreadable)?;
    Ok((token.to_owned(), answer["expires_in"].as_u64()))
}

/// Whether the API knows this key. Any right will do: what it may see, each page will tell.
async fn check(ask: &Asker) -> Result<(), Refused> {
    match ask.get("/v1/me").await {
        Ok(_) => Ok(()),
        Err(Refused::Unavailable) => ask.get("/v1/segments?limit=1").await.map(|_| ()),
        Err(refused @ (Refused::SignIn | Refused::Problem(_))) => Err(refused),
    }
}

fn told(refused: Refused) -> (StatusCode, Value) {
    match refused {
        Refused::SignIn => (StatusCode::UNAUTHORIZED, json!({ "code": "unknown_key" })),
        Refused::Unavailable => (StatusCode::NOT_FOUND, json!({ "code": "people_unavailable" })),
        Refused::Problem(problem) => {
            (StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY), problem.body)
        }
    }
}

/// Signed in: to the place they wanted, or to the form they had filled.
async fn welcome(
    pages: &Arc<Pages>,
    visitor: &Visitor,
    (token, lives_s): (String, Option<u64>),
    next: &str,
    draft: Option<&String>,
) -> Response {
    let cookie = cookies::set(cookies::SESSION, &token, lives_s.map(|s| s.min(SESSION_S_MAX)), visitor.secure);
    let Some(cookie) = cookie else {
        let context = json!({ "next": next, "problem": { "code": "unknown_key" } });
        return shown(pages, visitor, context, StatusCode::UNAUTHORIZED);
    };
    let signed_in = Visitor { token: Some(token), here: next.to_owned(), ..visitor.clone() };
    let draft = draft.filter(|draft| !draft.is_empty());
    let mut response = match (draft, Person::of(signed_in, pages)) {
        (Some(draft), Ok(person)) => letters::with_draft(&person, next, draft).await,
        (None, _) | (_, Err(_)) => goto(next),
    };
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie);
    if let Some(cookie) = cookies::clear(cookies::FORM, visitor.secure) {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /console/sign-out`.
pub(crate) async fn leave(posted: Posted) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/console/sign-in")]).into_response();
    if let Some(cookie) = cookies::clear(cookies::SESSION, posted.person.visitor.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
