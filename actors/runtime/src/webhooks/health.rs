//! How an endpoint has done lately: its newest attempts, and since when it fails without a break.

use crate::engine::Engine;
use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put};
use roadbook_customer::Topic;
use roadbook_kernel::{DeliveryId, EndpointId, Moment, TenantId};
use serde::{Deserialize, Serialize};

/// Attempts kept per endpoint.
const ATTEMPTS_KEPT: usize = 100;
/// Tries to write a log that others write too.
const RACES_MAX: u32 = 8;

/// One call. Neither body nor answer is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was begun.
    pub at: Moment,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// What it was about.
    pub topic: Topic,
    /// Which attempt of that delivery, from 1.
    pub attempt: u32,
    /// The HTTP status, where there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: i64,
    /// Stable snake_case code of what went wrong; absent where the endpoint took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// The first failure since the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Moment>,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Health {
    fn note(&mut self, attempt: Attempt) {
        self.failing_since = match attempt.error {
            None => None,
            Some(_) => Some(self.failing_since.unwrap_or(attempt.at)),
        };
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..surplus);
    }
}

fn key(tenant: TenantId, endpoint: EndpointId) -> ItemKey {
    ItemKey::document(tenant, &format!("webhook/health/{endpoint}"))
}

async fn load(engine: &Engine, key: &ItemKey) -> Result<(u64, Health), Fault> {
    let Some(item) = engine.store.load(key).await? else { return Ok((0, Health::default())) };
    let health = serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a webhook's log", &error))?;
    Ok((item.version, health))
}

/// Reads the log of an endpoint; empty where nothing was tried yet.
///
/// # Errors
/// A fault of the store.
pub async fn health(engine: &Engine, tenant: TenantId, endpoint: EndpointId) -> Result<Health, Fault> {
    load(engine, &key(tenant, endpoint)).await.map(|(_, health)| health)
}

/// Writes attempts down, in one write however many they are. Returns since when the endpoint fails.
///
/// # Errors
/// A fault of the store.
pub async fn note(
    engine: &Engine,
    tenant: TenantId,
    endpoint: EndpointId,
    attempts: &[Attempt],
) -> Result<Option<Moment>, Fault> {
    let note = |health: &mut Health| attempts.iter().cloned().for_each(|attempt| health.note(attempt));
    change(engine, tenant, endpoint, note).await.map(|health| health.failing_since)
}

/// Forgets since when an endpoint fails: it gets another chance.
///
/// # Errors
/// A fault of the store.
pub async fn forgive(engine: &Engine, tenant: TenantId, endpoint: EndpointId) -> Result<(), Fault> {
    change(engine, tenant, endpoint, |health| health.failing_since = None).await.map(drop)
}

async fn change(
    engine: &Engine,
    tenant: TenantId,
    endpoint: EndpointId,
    mut change: impl FnMut(&mut Health),
) -> Result<Health, Fault> {
    let key = key(tenant, endpoint);
    for _ in 0..RACES_MAX {
        let (version, mut health) = load(engine, &key).await?;
        change(&mut health);
        let body = serde_json::to_vec(&health).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let expect = if version == 0 { Expect::Absent } else { Expect::Version(version) };
        let put = Put { key: key.clone(), expect, item: Some(Item { version: version + 1, body: body.into() }) };
        match engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
            Ok(()) => return Ok(health),
            Err(CommitError::Conflict { .. }) => {}
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
    }
    Err(Fault::Contended(RACES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_ends_a_failure_and_a_hundred_are_kept() {
        let attempt = |at: i64, error: Option<&str>| Attempt {
            at: Moment::from_millis(at),
            delivery: DeliveryId::from_u128(1),
            topic: Topic::MessageSent,
            attempt: 1,
            status: None,
            ms: 1,
            error: error.map(str::to_owned),
        };
        let mut health = Health::default();
        (0..150).for_each(|at| health.note(attempt(at, Some("timeout"))));
        assert_eq!(health.failing_since, Some(Moment::from_millis(0)));
        assert_eq!((health.attempts.len(), health.attempts[0].at), (100, Moment::from_millis(50)));
        health.note(attempt(200, None));
        assert_eq!(health.failing_since, None);
        health.note(attempt(201, Some("http_500")));
        assert_eq!(health.failing_since, Some(Moment::from_millis(201)));
    }
}
