//! A sign-in provider (OIDC) whose tokens a tenant accepts.

use super::Denied;
use super::check::{self, Rules};
use super::jwks::{Keys, Source};
use super::parse::Presented;
use crate::org::OrgScope;
use crate::roles::Role;
use roadbook_kernel::{Moment, TenantId, UserId};
use roadbook_runtime::ports::Fetch;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What we were told about a provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// The `aud` its tokens have when they are for us.
    pub audience: String,
    /// Where its keys are; found by discovery if not given.
    pub jwks_uri: Option<String>,
    /// Whose people it vouches for.
    pub tenant: TenantId,
    /// The claim with a person's roles: a name, or a path of names with dots.
    pub roles_claim: String,
    /// The claim with a person's place; without it the place is the whole tenant.
    pub org_scope_claim: Option<String>,
    /// What the provider calls our roles. What is not listed gives nothing.
    pub roles: BTreeMap<String, Role>,
}

/// What a provider says about somebody.
pub(crate) struct Vouched {
    pub(crate) tenant: TenantId,
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) place: Option<OrgScope>,
}

/// A provider and its keys.
pub(crate) struct Provider {
    settings: ProviderSettings,
    keys: Keys,
}

impl Provider {
    pub(crate) fn new(settings: ProviderSettings, fetch: Arc<dyn Fetch>) -> Self {
        let source = match &settings.jwks_uri {
            Some(url) => Source::Set(url.clone()),
            None => Source::Discovery(settings.issuer.clone()),
        };
        Self { keys: Keys::new(source, fetch), settings }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub(crate) async fn verify(&self, token: &Presented<'_>, now: Moment) -> Result<Vouched, Denied> {
        let settings = &self.settings;
        // What no key of any provider could have signed does not reach the keys, let alone a fetch.
        if !matches!(token.alg.as_str(), "RS256" | "ES256" | "EdDSA") {
            return Err(Denied);
        }
        let key = self.keys.key(token.kid.as_deref(), now).await?;
        let rules = Rules { issuer: &settings.issuer, audience: &settings.audience, algorithm: key.algorithm };
        let claims = check::check(token, &key.key, &rules, now)?;
        let roles = self.roles(&claims);
        let place = self.place(&claims)?;
        // A role of a store without a store would open every customer of the tenant.
        if roles.iter().any(|role| !role.fits(place.as_ref())) {
            return Err(Denied);
        }
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(Denied)?;
        let name = ["name", "preferred_username"].iter().find_map(|claim| claims.get(*claim)?.as_str());
        let name = name.unwrap_or_default().chars().take(120).collect();
        Ok(Vouched { tenant: settings.tenant, id: self.id(subject), name, roles, place })
    }

    /// The id of somebody we keep no record of: the same for the same person of the same provider.
    fn id(&self, subject: &str) -> UserId {
        let mut hasher = blake3::Hasher::new_derive_key("roadbook 2026-02 id of a person a provider vouches for");
        hasher.update(&(self.settings.issuer.len() as u64).to_le_bytes());
        hasher.update(self.settings.issuer.as_bytes()).update(subject.as_bytes());
        let mut head = [0; 16];
        head.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        UserId::from_u128(u128::from_be_bytes(head))
    }

    fn roles(&self, claims: &Map<String, Value>) -> Vec<Role> {
        let named: Vec<&str> = match claim(claims, &self.settings.roles_claim) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        };
        let mut roles: Vec<Role> = named.iter().filter_map(|name| self.settings.roles.get(*name).copied()).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Where a claim is asked for, its absence is not the whole tenant.
    fn place(&self, claims: &Map<String, Value>) -> Result<Option<OrgScope>, Denied> {
        let Some(name) = &self.settings.org_scope_claim else { return Ok(None) };
        let text = claim(claims, name).and_then(Value::as_str).ok_or(Denied)?;
        text.parse().map(Some).map_err(|_| Denied)
    }
}

/// A claim by its name, else by a path: providers nest (`realm_access.roles`), and some use addresses as names.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let mut steps = name.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    })
}
