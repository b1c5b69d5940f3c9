//! Webhook endpoints: where a tenant wants to be told what happens, and how that went.
//!
//! An endpoint hears of every customer of the tenant, so only an authority over the whole tenant may see or change one.

mod change;
mod read;
mod replay;

pub(crate) use change::{change, create, enable, remove, rotate};
pub(crate) use read::{attempts, get, list};
pub(crate) use replay::replay;

use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use axum::http::StatusCode;
use roadbook_kernel::{EndpointId, TenantId};
use roadbook_runtime::webhooks::{self, HeldEndpoint};

/// The tenant, where the authority holds for all of it.
fn whole_tenant(secret: &Secret) -> Result<TenantId, Failure> {
    if secret.0.reaches(None) {
        return Ok(secret.tenant());
    }
    let detail = "an endpoint hears of every customer; this needs a key or a person not bound to one place";
    Err(Failure::new(StatusCode::FORBIDDEN, "whole_tenant_only", detail))
}

async fn held(api: &Api, secret: &Secret, id: EndpointId) -> Result<HeldEndpoint, Failure> {
    let tenant = whole_tenant(secret)?;
    let held = webhooks::endpoint(api.engine().store.as_ref(), tenant, id).await?;
    held.ok_or_else(|| Failure::not_found("webhook endpoint"))
}
