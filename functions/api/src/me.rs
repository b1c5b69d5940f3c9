//! Who am I?

use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use crate::sign_in::named;
use axum::Json;
use axum::extract::State;
use roadbook_access::Bearer;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/me`: what the key or the token of this request proves.
pub(crate) async fn me(State(api): State<Arc<Api>>, secret: Secret) -> Result<Json<Value>, Failure> {
    let authority = &secret.0;
    let kind = match authority.bearer() {
        Bearer::WriteKey | Bearer::SecretKey => "key",
        Bearer::User => "user",
    };
    Ok(Json(json!({
        "tenant": named(&api, authority.tenant()).await?,
        "kind": kind,
        "id": authority.source(),
        "name": authority.name(),
        "roles": authority.roles(),
        "scopes": authority.scopes(),
        "org_scope": authority.org_scope(),
    })))
}
