//! Settings of a sign-in provider:
//!
//! ```toml
//! [[oidc]]
//! issuer = "https://login.example.com/realms/oem"
//! audience = "roadbook"
//! tenant = "tn_..."
//! roles_claim = "realm_access.roles"
//! org_scope_claim = "org_scope"
//! roles = { "crm-dcc" = "dcc_agent", "crm-admin" = "tenant_admin" }
//! ```

use roadbook_access::{OWN_ISSUER, ProviderSettings, Role};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One sign-in provider (OIDC) and the tenant it vouches for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// The `aud` of tokens that are for us.
    pub audience: String,
    /// Where its keys are; found through the issuer's discovery document if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The tenant whose people it vouches for.
    pub tenant: String,
    /// The claim with a person's roles: a name, or a path with dots.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// The claim with a person's place in the organisation. If it is given, a token without it is refused; if not,
    /// the place is the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_scope_claim: Option<String>,
    /// From the provider's names of roles to ours. A name that is not listed gives nothing.
    pub roles: BTreeMap<String, String>,
}

fn roles_claim() -> String {
    "roles".into()
}

/// The address of a document: encrypted on its way, except on this machine.
fn is_address(url: &str) -> bool {
    let here = |rest: &str| {
        if rest.contains('@') {
            return false;
        }
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    };
    let https = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    https || url.strip_prefix("http://").is_some_and(here)
}

impl Oidc {
    /// The same with its texts read.
    ///
    /// # Errors
    /// The first problem, for the person who wrote the settings.
    pub fn settings(&self) -> Result<ProviderSettings, String> {
        let read = |(theirs, ours): (&String, &String)| {
            let role: Role = ours.parse().map_err(|error| format!("`{ours}`: {error}"))?;
            Ok((theirs.clone(), role))
        };
        let tenant = self.tenant.parse().map_err(|_| format!("tenant: `{}` is no tenant id", self.tenant))?;
        for (name, url) in [("issuer", Some(&self.issuer)), ("jwks_uri", self.jwks_uri.as_ref())] {
            if url.is_some_and(|url| !is_address(url)) {
                return Err(format!("{name} must begin with https:// (http:// only on this machine)"));
            }
        }
        if self.audience.is_empty() {
            return Err("audience must not be empty: any token of the provider would do".into());
        }
        Ok(ProviderSettings {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            jwks_uri: self.jwks_uri.clone(),
            tenant,
            roles_claim: self.roles_claim.clone(),
            org_scope_claim: self.org_scope_claim.clone(),
            roles: self.roles.iter().map(read).collect::<Result<_, String>>()?,
        })
    }
}

/// What is wrong with all of them.
pub(crate) fn problems(all: &[Oidc]) -> Vec<String> {
    let mut issuers = BTreeSet::from([OWN_ISSUER]);
    let mut problems = Vec::new();
    for one in all {
        if !issuers.insert(&one.issuer) {
            problems.push(format!("oidc {}: an issuer stands once, and vouches for one tenant", one.issuer));
        }
        problems.extend(one.settings().err().map(|problem| format!("oidc {}: {problem}", one.issuer)));
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn a_provider_is_checked_when_settings_are_read() {
        let toml = |tenant: &str, issuer: &str, role: &str| {
            format!(
                "[[oidc]]\nissuer = \"{issuer}\"\naudience = \"roadbook\"\ntenant = \"{tenant}\"\nroles = {{ crm = \"{role}\" }}\n"
            )
        };
        let load = |text: &str| Config::load(text, std::iter::empty());
        let tenant = "tn_00000000000000000000000001";
        let good = toml(tenant, "https://login.example.com", "dcc_agent");
        assert_eq!(load(&good).expect("good settings").oidc[0].roles_claim, "roles");
        assert!(load(&toml(tenant, "http://127.0.0.1:8081/realm", "auditor")).is_ok());
        for bad in [
            toml("tn_1", "https://login.example.com", "dcc_agent"),
            toml(tenant, "http://login.example.com", "dcc_agent"),
            toml(tenant, "http://localhost.example.com", "dcc_agent"),
            toml(tenant, "http://localhost:80@login.example.com", "dcc_agent"),
            toml(tenant, "roadbook", "dcc_agent"),
            toml(tenant, "https://login.example.com", "root"),
            format!("{good}{good}"),
        ] {
            assert!(load(&bad).is_err(), "{bad}");
        }
    }
}
