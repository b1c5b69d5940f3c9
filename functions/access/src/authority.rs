//! The proof that somebody may act for a tenant.

use crate::keys::{ApiKey, KeyKind};
use crate::org::OrgScope;
use crate::roles::Role;
use crate::scope::{Scope, Scopes};
use roadbook_kernel::{Moment, TenantId};
use std::fmt;
use std::sync::Arc;

/// What the right was proven with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bearer {
    /// A write key: it stands inside apps and web pages, so everybody has it.
    WriteKey,
    /// A secret key: a server has it.
    SecretKey,
    /// A person's token.
    User,
}

/// A proven right to act for a tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Authority(Arc<Proven>);

pub(crate) struct Proven {
    pub(crate) tenant: TenantId,
    pub(crate) source: String,
    pub(crate) name: String,
    pub(crate) bearer: Bearer,
    pub(crate) scopes: Scopes,
    pub(crate) roles: Vec<Role>,
    pub(crate) place: Option<OrgScope>,
    pub(crate) until: Option<Moment>,
}

/// Without the name: it may be a person's.
impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, source, name: _, bearer, scopes, roles, place, until } = self;
        write!(f, "Proven({tenant} {source} {bearer:?} {scopes} {roles:?} {place:?} {until:?})")
    }
}

impl Authority {
    pub(crate) fn of_key(key: &ApiKey) -> Self {
        let bearer = match key.kind {
            KeyKind::Write => Bearer::WriteKey,
            KeyKind::Secret => Bearer::SecretKey,
        };
        Self::of(Proven {
            tenant: key.tenant,
            source: key.id.clone(),
            name: key.name.clone(),
            bearer,
            scopes: key.scopes(),
            roles: Vec::new(),
            place: key.org_scope.clone(),
            until: key.expires_at,
        })
    }

    pub(crate) fn of(mut proven: Proven) -> Self {
        if proven.place.as_ref().is_some_and(|place| place.store().is_some()) {
            proven.scopes = proven.scopes.and(Scopes::AT_A_STORE);
        }
        Self(Arc::new(proven))
    }

    /// For whom.
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// What it was proven with.
    pub fn bearer(&self) -> Bearer {
        self.0.bearer
    }

    /// The public id of the key (`key_...`) or of the person (`usr_...`): the `source` of what it sends.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What people call the key or the person.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it includes a right.
    pub fn allows(&self, scope: Scope) -> bool {
        self.0.scopes.allows(scope)
    }

    /// Everything it includes.
    pub fn scopes(&self) -> Scopes {
        self.0.scopes
    }

    /// What a person is employed as; a key has no roles.
    pub fn roles(&self) -> &[Role] {
        &self.0.roles
    }

    /// Where in the organisation it holds; `None` is the whole tenant.
    pub fn org_scope(&self) -> Option<&OrgScope> {
        self.0.place.as_ref()
    }

    /// When it ends by itself.
    pub(crate) fn until(&self) -> Option<Moment> {
        self.0.until
    }

    /// The codes of the stores whose customers it may see; `None` is every customer of the tenant. A place above the
    /// stores, such as a region, restricts nothing: which stores lie below it is not written in the path.
    pub fn stores(&self) -> Option<Vec<&str>> {
        self.0.place.as_ref().and_then(OrgScope::store).map(|store| vec![store])
    }

    /// Whether it may hand these rights on, at this place: nobody gives what they do not have.
    pub fn may_give(&self, scopes: Scopes, place: Option<&OrgScope>) -> bool {
        self.0.scopes.covers(scopes) && self.reaches(place)
    }

    /// Whether a place of the organisation (`None`: the whole tenant) lies within its own.
    pub fn reaches(&self, place: Option<&OrgScope>) -> bool {
        match (&self.0.place, place) {
            (None, _) => true,
            (Some(own), Some(place)) => own.contains(place),
            (Some(_), None) => false,
        }
    }
}
