//! A person changes their own password.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::secret::Secret;
use crate::sign_in;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roadbook_access::{Bearer, OwnPassword, SignedIn, User, password_problem};
use roadbook_kernel::{Personal, UserId};
use std::sync::Arc;

/// `POST /v1/me/password {old_password, new_password}`. Every token of the person ends, and the answer is a new one.
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    secret: Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let user = oneself(&api, &secret).await?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let (old, new) = (fields.text("old_password"), fields.text("new_password"));
    if let Some(new) = &new {
        let is_same = old.as_ref() == Some(new);
        let problem = password_problem(new, user.login.reveal());
        if let Some(problem) = problem.or(is_same.then_some("the new password is the old one")) {
            fields.wrong("new_password", "invalid_password", problem);
        }
    }
    fields.close()?;
    let (Some(old), Some(new)) = (old.map(Personal::new), new.map(Personal::new)) else {
        return Err(Failure::defect());
    };
    let change = OwnPassword { tenant: secret.tenant(), old, new, salt: random()?, random: random()? };
    match api.app.people.change_own_password(&user, change, api.engine().wall.now()).await? {
        SignedIn::Done(session) => sign_in::done(&api, session).await,
        SignedIn::Wrong | SignedIn::Choose(_) => {
            let detail = "the old password is not the one that is kept; nothing was changed";
            Err(Failure::new(StatusCode::FORBIDDEN, "wrong_password", detail))
        }
        SignedIn::TooMany(retry_after_s) => {
            let detail = "too many wrong passwords; `Retry-After` says when the next one is looked at";
            Err(Failure::limited("too_many_failures", detail, retry_after_s))
        }
    }
}

/// Who asks, where that is somebody whose password is kept here.
async fn oneself(api: &Api, secret: &Secret) -> Result<Arc<User>, Failure> {
    let elsewhere = || {
        let detail = "the provider that signs this person in keeps their password; change it there";
        Failure::new(StatusCode::CONFLICT, "password_elsewhere", detail)
    };
    match secret.0.bearer() {
        Bearer::WriteKey | Bearer::SecretKey => {
            let detail = "a key has no password; sign in and use the token of the person";
            Err(Failure::new(StatusCode::FORBIDDEN, "not_a_person", detail))
        }
        Bearer::User => {
            let id: UserId = secret.0.source().parse().map_err(|_| elsewhere())?;
            api.app.people.users.get(id).await?.ok_or_else(elsewhere)
        }
    }
}
