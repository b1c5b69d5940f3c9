//! The proof that a request may act for a tenant. A handler that takes [`Secret`] cannot be reached without it.

use crate::api::Api;
use crate::credentials;
use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use roadbook_access::{Authority, Bearer, Scope};
use roadbook_identity::TenantKeys;
use roadbook_kernel::TenantId;
use std::sync::Arc;

/// The right a route takes; laid on it where the table of routes becomes a router.
#[derive(Clone, Copy)]
pub(crate) struct Required(pub(crate) Scope);

/// A right was proven, and it includes what the route takes. The only source of a tenant in the secret API.
pub(crate) struct Secret(pub(crate) Authority);

impl Secret {
    pub(crate) fn tenant(&self) -> TenantId {
        self.0.tenant()
    }

    /// The hashing keys of the tenant.
    pub(crate) fn keys(&self, api: &Api) -> Arc<TenantKeys> {
        api.engine().keys.of(self.tenant())
    }
}

impl FromRequestParts<Arc<Api>> for Secret {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let key = credentials::presented(&parts.headers)?.ok_or_else(credentials::missing)?;
        // Every route of the secret API is made with the right it takes: see `routes.rs`.
        let Required(scope) = *parts.extensions.get::<Required>().ok_or_else(Failure::defect)?;
        let authority = credentials::prove(api, &key).await?;
        if authority.bearer() == Bearer::WriteKey {
            let detail = "a write key only sends events; this needs a secret key (`rb_sk_...`) or a person's token";
            return Err(Failure::new(StatusCode::FORBIDDEN, "wrong_key_kind", detail));
        }
        if !authority.allows(scope) {
            let detail = format!("this needs the scope `{scope}`; the key or token does not have it");
            return Err(Failure::new(StatusCode::FORBIDDEN, "missing_scope", detail));
        }
        tracing::Span::current().record("tenant.id", tracing::field::display(authority.tenant()));
        Ok(Self(authority))
    }
}
