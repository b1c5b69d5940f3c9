//! A person signs in: a login and a password become a token.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::peer::SIGN_IN;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use roadbook_access::{Attempt, Session, SignedIn};
use roadbook_kernel::{Personal, TenantId};
use roadbook_wire::{PROBLEM_CONTENT_TYPE, Problem};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// `POST /v1/auth/token {login, password, tenant?}`. One answer for whatever was wrong: an unknown login, a wrong
/// password, somebody disabled, another tenant.
pub(crate) async fn sign_in(
    State(api): State<Arc<Api>>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    mut fields: Fields,
) -> Result<Response, Failure> {
    let (login, password) = (fields.text("login"), fields.text("password").map(Personal::new));
    let tenant = fields.optional_text("tenant");
    fields.close()?;
    let (Some(login), Some(password)) = (login, password) else { return Err(Failure::defect()) };
    // What is no id names no tenant they belong to.
    let tenant = tenant.map(|text| text.parse().unwrap_or(TenantId::from_u128(0)));
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    let attempt = Attempt { login: &login, password, tenant, peer, random: random()? };
    match api.app.people.sign_in(attempt, api.engine().wall.now()).await? {
        SignedIn::Done(session) => done(&api, session).await,
        SignedIn::Choose(tenants) => choose(&api, &tenants).await,
        SignedIn::Wrong => {
            let detail = "this login and password open nothing here";
            Err(Failure::new(StatusCode::UNAUTHORIZED, "wrong_login", detail))
        }
        SignedIn::TooMany(retry_after_s) => {
            let detail = "too many logins failed; `Retry-After` says when the next one is looked at";
            Err(Failure::limited("too_many_failures", detail, retry_after_s))
        }
    }
}

/// The answer that carries a token.
pub(crate) async fn done(api: &Api, session: Session) -> Result<Response, Failure> {
    let Session { token, expires_in_s, tenant, user, name } = session;
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": expires_in_s,
        "tenant": named(api, tenant).await?,
        "user": { "id": user, "name": name.reveal() },
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The password was right, so the person may know where they belong.
async fn choose(api: &Api, tenants: &[TenantId]) -> Result<Response, Failure> {
    let mut choices = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        choices.push(named(api, *tenant).await?);
    }
    let detail = "this person belongs to several tenants; say which in `tenant`";
    let status = StatusCode::CONFLICT;
    let problem = Problem::new(status.as_u16(), "choose_tenant", detail).about(SIGN_IN, "");
    let mut problem = serde_json::to_value(problem).map_err(|_| Failure::defect())?;
    problem["tenants"] = Value::Array(choices);
    let headers = [(header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((status, headers, problem.to_string()).into_response())
}

/// A tenant as answers show it.
pub(crate) async fn named(api: &Api, id: TenantId) -> Result<Value, Failure> {
    let name = api.app.tenants.get(id).await?.map(|tenant| tenant.name);
    Ok(json!({ "id": id, "name": name }))
}
