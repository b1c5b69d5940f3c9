//! A webhook endpoint: one document, written by whoever changes it and by the sender that gives it up.

use crate::engine::Engine;
use crate::mutants::mutant;
use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space, Store};
use roadbook_customer::Topics;
use roadbook_kernel::{DAY_MS, EndpointId, Moment, TenantId};
use serde::{Deserialize, Serialize};
use std::fmt;

const PREFIX: &str = "webhook/endpoint/";
/// What the text of a signing secret begins with, by Standard Webhooks. The rest is base64.
pub const SECRET_PREFIX: &str = "whsec_";
/// How long a secret still signs after another took its place.
const ROTATION_MS: i64 = DAY_MS;
/// Secrets that sign at once: the newest, and those replaced within a day.
const SECRETS_MAX: usize = 4;

/// A signing secret, `whsec_` and base64. It is stored as it is, because signing needs it; it is shown once, when it is
/// made, and prints as a mask.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

impl SigningSecret {
    /// Wraps the text of a secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for who signs and for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// A secret and how long it signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signing {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when, once another took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Somebody said so.
    Operator,
    /// It answered 410: nobody is there any more.
    Gone,
    /// It has failed for days.
    Failing,
}

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Status {
    /// It is.
    Enabled,
    /// It is not: what happens meanwhile is not kept for it.
    Disabled {
        /// Why.
        because: Because,
        /// Since when.
        at: Moment,
    },
}

/// An endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where to. A query may hold a token: it is never logged.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// What it asks for.
    pub topics: Topics,
    /// Whether it is told.
    pub status: Status,
    /// Its secrets, newest first.
    pub secrets: Vec<Signing>,
    /// When it was made.
    pub created_at: Moment,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Endpoint").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Whether it is told anything.
    pub fn is_enabled(&self) -> bool {
        self.status == Status::Enabled
    }

    /// The secrets that sign now, newest first.
    pub fn secrets_at(&self, now: Moment) -> Vec<&SigningSecret> {
        let signs = |signing: &&Signing| signing.until.is_none_or(|until| now < until);
        self.secrets.iter().filter(signs).map(|signing| &signing.secret).collect()
    }

    /// Puts a new secret first. The one before signs for another day, so that receivers can change over in between.
    pub fn rotate(&mut self, secret: SigningSecret, now: Moment) {
        self.secrets.retain(|signing| signing.until.is_none_or(|until| now < until));
        for signing in &mut self.secrets {
            signing.until.get_or_insert(now.plus_ms(ROTATION_MS));
        }
        self.secrets.insert(0, Signing { secret, until: None });
        self.secrets.truncate(SECRETS_MAX);
    }
}

/// An endpoint as read, with its fence: the version is what an `ETag` shows.
#[derive(Clone, Debug)]
pub struct HeldEndpoint {
    /// Whose.
    pub tenant: TenantId,
    /// The version it was read at; 0 for one that is not stored yet.
    pub version: u64,
    /// The endpoint.
    pub endpoint: Endpoint,
}

fn key(tenant: TenantId, id: EndpointId) -> ItemKey {
    ItemKey::document(tenant, &format!("{PREFIX}{id}"))
}

fn read(item: &Item) -> Result<Endpoint, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a webhook endpoint", &error))
}

/// Reads an endpoint.
///
/// # Errors
/// A fault of the store.
pub async fn endpoint(store: &dyn Store, tenant: TenantId, id: EndpointId) -> Result<Option<HeldEndpoint>, Fault> {
    let Some(item) = store.load(&key(tenant, id)).await? else { return Ok(None) };
    Ok(Some(HeldEndpoint { tenant, version: item.version, endpoint: read(&item)? }))
}

/// Every endpoint of a tenant, oldest first. One that cannot be read is passed over, loudly: it must not stop the
/// turns of its tenant.
///
/// # Errors
/// A fault of the store.
pub async fn endpoints(store: &dyn Store, tenant: TenantId) -> Result<Vec<HeldEndpoint>, Fault> {
    let items = store.scan(Space::Document, tenant, PREFIX.as_bytes(), None, 1_000).await?;
    let held = |item: &Item| match read(item) {
        Ok(endpoint) => Some(HeldEndpoint { tenant, version: item.version, endpoint }),
        Err(fault) => {
            tracing::error!(tenant.id = %tenant, %fault, "a webhook endpoint is passed over");
            None
        }
    };
    Ok(items.iter().filter_map(|(_, item)| held(item)).collect())
}

impl HeldEndpoint {
    /// Writes it, if nobody else has meanwhile, and lets the turns of this process know. `false` where somebody has.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn save(&mut self, engine: &Engine) -> Result<bool, Fault> {
        let body = serde_json::to_vec(&self.endpoint).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let written = self.put(engine, Some(Item { version: self.version + 1, body: body.into() })).await?;
        self.version += u64::from(written);
        Ok(written)
    }

    /// Removes it. What was on its way to it is dropped when its time comes. `false` where somebody changed it.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn remove(&self, engine: &Engine) -> Result<bool, Fault> {
        self.put(engine, None).await
    }

    async fn put(&self, engine: &Engine, item: Option<Item>) -> Result<bool, Fault> {
        let expect = if self.version == 0 { Expect::Absent } else { Expect::Version(self.version) };
        let put = Put { key: key(self.tenant, self.endpoint.id), expect, item };
        if !mutant!(ChangeToldAfterwards) {
            engine.subscriptions.changing(self.tenant, engine.wall.now());
        }
        let result = engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await;
        if mutant!(ChangeToldAfterwards) {
            engine.subscriptions.changing(self.tenant, engine.wall.now());
        }
        engine.subscriptions.changed(self.tenant);
        match result {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_before_signs_for_another_day() {
        let secret = |text: &str| SigningSecret::new(format!("{SECRET_PREFIX}{text}"));
        let mut endpoint = Endpoint {
            id: EndpointId::from_u128(1),
            url: "https://example.com/hook?token=planted".into(),
            description: String::new(),
            topics: Topics::NONE,
            status: Status::Enabled,
            secrets: vec![Signing { secret: secret("one"), until: None }],
            created_at: Moment::from_millis(0),
        };
        endpoint.rotate(secret("two"), Moment::from_millis(0));
        let texts = |endpoint: &Endpoint, at| -> Vec<String> {
            endpoint.secrets_at(Moment::from_millis(at)).iter().map(|one| one.expose().to_owned()).collect()
        };
        assert_eq!(texts(&endpoint, DAY_MS - 1), ["whsec_two", "whsec_one"]);
        assert_eq!(texts(&endpoint, DAY_MS), ["whsec_two"]);
        endpoint.rotate(secret("three"), Moment::from_millis(DAY_MS));
        assert_eq!(endpoint.secrets.len(), 2, "what signs no more is gone");
        let printed = format!("{endpoint:?}{:?}", endpoint.secrets);
        assert!(!printed.contains("two") && !printed.contains("planted"), "{printed}");
    }
}
