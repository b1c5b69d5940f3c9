//! The proof that a request may act for a tenant. A handler that takes [`Secret`] cannot be reached without it.

use crate::api::Api;
use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use roadbook_access::{Authority, Bearer, OrgScope, Scope, Scopes};
use roadbook_identity::TenantKeys;
use roadbook_kernel::TenantId;
use std::sync::Arc;

/// The right a route takes, `None` where any will do; laid on it where the table of routes becomes a router.
#[derive(Clone, Copy)]
pub(crate) struct Required(pub(crate) Option<Scope>);

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

    /// Nobody gives what they do not have: neither scopes nor a place in the organisation.
    pub(crate) fn may_give(&self, scopes: Scopes, place: Option<&OrgScope>) -> Result<(), Failure> {
        if self.0.may_give(scopes, place) {
            return Ok(());
        }
        let detail = "this needs scopes or a place in the organisation that the key or token does not have itself";
        Err(Failure::new(StatusCode::FORBIDDEN, "more_than_own", detail))
    }
}

impl FromRequestParts<Arc<Api>> for Secret {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Failure> {
        // Every route of the secret API stands behind `limit::around`, and is made with the right it takes: see
        // `routes.rs`.
        let authority = parts.extensions.get::<Authority>().cloned().ok_or_else(Failure::defect)?;
        let Required(scope) = *parts.extensions.get::<Required>().ok_or_else(Failure::defect)?;
        if authority.bearer() == Bearer::WriteKey {
            let detail = "a write key only sends events; this needs a secret key (`rb_sk_...`) or a person's token";
            return Err(Failure::new(StatusCode::FORBIDDEN, "wrong_key_kind", detail));
        }
        if let Some(scope) = scope.filter(|scope| !authority.allows(*scope)) {
            let detail = format!("this needs the scope `{scope}`; the key or token does not have it");
            return Err(Failure::new(StatusCode::FORBIDDEN, "missing_scope", detail));
        }
        tracing::Span::current().record("tenant.id", tracing::field::display(authority.tenant()));
        Ok(Self(authority))
    }
}
