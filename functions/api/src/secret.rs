//! The proof that a request may act for a tenant. A handler that takes [`Secret`] cannot be reached without it.

use crate::api::Api;
use crate::credentials;
use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use roadbook_app::{Authority, KeyKind};
use roadbook_identity::TenantKeys;
use roadbook_kernel::TenantId;
use std::sync::Arc;

/// A secret key was proven. The only source of a tenant in the secret API.
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
        let authority = credentials::prove(api, &key).await?;
        match authority.kind() {
            KeyKind::Secret => {
                tracing::Span::current().record("tenant.id", tracing::field::display(authority.tenant()));
                Ok(Self(authority))
            }
            KeyKind::Write => {
                let detail = "a write key only sends events; this needs a secret key (`rb_sk_...`)";
                Err(Failure::new(StatusCode::FORBIDDEN, "wrong_key_kind", detail))
            }
        }
    }
}
