//! The tenant's people: invited, changed, disabled, removed.
//!
//! Nobody gives what they do not have, and nobody changes somebody who may do more than they: to set an
//! administrator's password would be to become one.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_access::{Login, Membership, OrgScope, Role, Status, User, UserChange, UsersError, password_problem};
use roadbook_kernel::{Personal, TenantId, UserId};
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters of a person's name.
const NAME_CHARS_MAX: usize = 120;

impl From<UsersError> for Failure {
    fn from(error: UsersError) -> Self {
        match error {
            UsersError::LoginTaken | UsersError::AlreadyThere => {
                Failure::new(StatusCode::CONFLICT, "login_taken", error.to_string())
            }
            UsersError::NoSuchUser => Failure::not_found("user"),
            UsersError::Fault(fault) => fault.into(),
        }
    }
}

fn shown(tenant: TenantId, user: &User) -> Option<Value> {
    let membership = user.memberships.get(&tenant)?;
    Some(json!({
        "id": user.id,
        "login": user.login.reveal(),
        "name": membership.name.reveal(),
        "roles": membership.roles,
        "org_scope": membership.org_scope,
        "status": membership.status,
    }))
}

fn answer(tenant: TenantId, user: &User) -> Result<Json<Value>, Failure> {
    shown(tenant, user).map(Json).ok_or_else(|| Failure::not_found("user"))
}

/// `GET /v1/users?limit=&cursor=`: those within the place of whoever asks.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let (tenant, keys) = (secret.tenant(), secret.keys(&api));
    let page = PageQuery::read(&params, &keys, "users".to_owned())?;
    let after =
        page.after.as_deref().and_then(|place| Some(UserId::from_u128(u128::from_be_bytes(place.try_into().ok()?))));
    let mut users = api.app.people.users.list(tenant, after, page.limit + 1).await?;
    let more = users.len() > page.limit;
    users.truncate(page.limit);
    let next = users.last().filter(|_| more).map(|user| user.id.as_u128().to_be_bytes().to_vec());
    let visible = users.iter().filter(|user| sees(&secret, user)).filter_map(|user| shown(tenant, user));
    Ok(Json(page.answer(visible.collect(), next)))
}

fn sees(secret: &Secret, user: &User) -> bool {
    user.memberships.get(&secret.tenant()).is_some_and(|member| secret.0.reaches(member.org_scope.as_ref()))
}

/// Somebody of the tenant, within the place of whoever asks.
async fn find(api: &Api, secret: &Secret, id: UserId) -> Result<Arc<User>, Failure> {
    let user = api.app.people.users.get(id).await?;
    user.filter(|user| sees(secret, user)).ok_or_else(|| Failure::not_found("user"))
}

/// `GET /v1/users/{id}`.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<UserId>,
) -> Result<Json<Value>, Failure> {
    answer(secret.tenant(), &*find(&api, &secret, id).await?)
}

/// `POST /v1/users {login, name, roles, org_scope?, password}`.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    mut fields: Fields,
) -> Result<Response, Failure> {
    let login = fields.text("login").and_then(|text| login(&mut fields, &text));
    let name = fields.text("name").and_then(|text| name(&mut fields, text));
    let roles = fields.required("roles").and_then(|value| roles(&mut fields, &value));
    let place = fields.optional("org_scope").and_then(|value| place(&mut fields, &value));
    let known = login.as_ref().map(Login::reveal).unwrap_or_default().to_owned();
    let password = fields.text("password").and_then(|text| password(&mut fields, text, &known));
    if let Some(roles) = &roles {
        fit(&mut fields, roles, place.as_ref());
    }
    fields.close()?;
    let (Some(login), Some(name), Some(roles), Some(password)) = (login, name, roles, password) else {
        return Err(Failure::defect());
    };
    secret.may_give(Role::scopes_of(&roles), place.as_ref())?;
    let since = api.engine().clock.now();
    let membership = Membership { name, roles, org_scope: place, status: Status::Active, since };
    let user = api.app.people.create(secret.tenant(), login, password, membership, random()?, random()?).await?;
    let location = format!("/v1/users/{}", user.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer(secret.tenant(), &user)?).into_response())
}

/// `PATCH /v1/users/{id} {name?, roles?, org_scope?, status?, password?}`. A new password, and being disabled, end
/// every token of the person.
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<UserId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let user = find(&api, &secret, id).await?;
    let tenant = secret.tenant();
    let Some(now) = user.memberships.get(&tenant) else { return Err(Failure::not_found("user")) };
    let mut fields = Fields::read(&api, &headers, body).await?;
    let mut to = UserChange {
        name: fields.optional_text("name").and_then(|text| name(&mut fields, text)),
        roles: fields.optional("roles").and_then(|value| roles(&mut fields, &value)),
        status: fields.optional_text("status").and_then(|text| status(&mut fields, &text)),
        ..UserChange::default()
    };
    to.org_scope = match fields.given("org_scope") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => place(&mut fields, &value).map(Some),
    };
    let password = fields.optional_text("password");
    let password = password.and_then(|text| self::password(&mut fields, text, user.login.reveal()));
    let (roles, place) =
        (to.roles.as_ref().unwrap_or(&now.roles), to.org_scope.as_ref().unwrap_or(&now.org_scope).as_ref());
    fit(&mut fields, roles, place);
    fields.close()?;
    secret.may_give(now.scopes(), now.org_scope.as_ref())?;
    secret.may_give(Role::scopes_of(roles), place)?;
    if to.status == Some(Status::Disabled) {
        not_oneself(&secret, id)?;
    }
    if password.is_some() && !user.belongs_only_to(tenant) {
        let detail = "this person belongs to another tenant too; the operator sets their password";
        return Err(Failure::new(StatusCode::CONFLICT, "belongs_elsewhere", detail));
    }
    let user = api.app.people.change(tenant, id, to, password, random()?).await?;
    answer(tenant, &user)
}

/// `DELETE /v1/users/{id}`: out of this tenant; who belongs to no other one is gone.
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Failure> {
    let user = find(&api, &secret, id).await?;
    let Some(member) = user.memberships.get(&secret.tenant()) else { return Err(Failure::not_found("user")) };
    secret.may_give(member.scopes(), member.org_scope.as_ref())?;
    not_oneself(&secret, id)?;
    api.app.people.users.remove(secret.tenant(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_oneself(secret: &Secret, id: UserId) -> Result<(), Failure> {
    if secret.0.source() != id.to_string() {
        return Ok(());
    }
    let detail = "nobody disables or removes themselves; another administrator does";
    Err(Failure::new(StatusCode::CONFLICT, "oneself", detail))
}

fn login(fields: &mut Fields, text: &str) -> Option<Login> {
    text.parse().map_err(|error| fields.wrong("login", "invalid_login", format!("{error}"))).ok()
}

fn name(fields: &mut Fields, text: String) -> Option<Personal<String>> {
    if text.trim().is_empty() || text.chars().count() > NAME_CHARS_MAX {
        fields.wrong("name", "invalid_name", format!("a name has 1 to {NAME_CHARS_MAX} characters"));
        return None;
    }
    Some(Personal::new(text))
}

fn password(fields: &mut Fields, text: String, login: &str) -> Option<Personal<String>> {
    if let Some(problem) = password_problem(&text, login) {
        fields.wrong("password", "invalid_password", problem);
        return None;
    }
    Some(Personal::new(text))
}

fn status(fields: &mut Fields, text: &str) -> Option<Status> {
    match text {
        "active" => Some(Status::Active),
        "disabled" => Some(Status::Disabled),
        _ => {
            fields.wrong("status", "unknown_choice", "write one of: active, disabled");
            None
        }
    }
}

fn roles(fields: &mut Fields, value: &Value) -> Option<Vec<Role>> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut roles: Vec<Role> = list.iter().filter_map(|role| role.as_str()?.parse().ok()).collect();
    if roles.is_empty() || roles.len() != list.len() {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.code()).collect();
        fields.wrong("roles", "unknown_choice", format!("expected a list of: {}", known.join(", ")));
        return None;
    }
    roles.sort_unstable();
    roles.dedup();
    Some(roles)
}

fn place(fields: &mut Fields, value: &Value) -> Option<OrgScope> {
    let read = value.as_str().unwrap_or_default().parse();
    read.map_err(|error| fields.wrong("org_scope", "invalid_org_scope", format!("{error}"))).ok()
}

/// Roles of a store need a place that names the store.
fn fit(fields: &mut Fields, roles: &[Role], place: Option<&OrgScope>) {
    if let Some(role) = roles.iter().find(|role| !role.fits(place)) {
        let detail = format!("the role {role} needs a place in the organisation that names what it looks after");
        fields.wrong("org_scope", "role_needs_place", detail);
    }
}
