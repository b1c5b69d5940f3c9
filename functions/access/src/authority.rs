//! The proof that somebody may act for a tenant.

use crate::keys::{ApiKey, KeyKind};
use crate::scope::{Scope, Scopes};
use roadbook_kernel::TenantId;
use std::sync::Arc;

/// What the right was proven with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bearer {
    /// A write key: it stands inside apps and web pages, so everybody has it.
    WriteKey,
    /// A secret key: a server has it.
    SecretKey,
}

/// A proven right to act for a tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Authority(Arc<Proven>);

#[derive(Debug)]
struct Proven {
    tenant: TenantId,
    source: String,
    bearer: Bearer,
    scopes: Scopes,
}

impl Authority {
    pub(crate) fn of_key(key: &ApiKey) -> Self {
        let (bearer, scopes) = match key.kind {
            KeyKind::Write => (Bearer::WriteKey, Scopes::of(&[Scope::EventsWrite])),
            KeyKind::Secret => (Bearer::SecretKey, Scopes::ALL),
        };
        Self(Arc::new(Proven { tenant: key.tenant, source: key.id.clone(), bearer, scopes }))
    }

    /// For whom.
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// What it was proven with.
    pub fn bearer(&self) -> Bearer {
        self.0.bearer
    }

    /// The public id of the key: the `source` of what it sends.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether it includes a right.
    pub fn allows(&self, scope: Scope) -> bool {
        self.0.scopes.allows(scope)
    }

    /// Everything it includes.
    pub fn scopes(&self) -> Scopes {
        self.0.scopes
    }
}
