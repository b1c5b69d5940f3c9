//! Why: why in this segment, why this message or why not, why in this journey or why not.
//!
//! An answer is a word, a sentence in two languages, and what stands behind it. It reads the row, the catalog and at
//! most [`crate::past::TURNS_MAX`] turns, so that it takes no longer for a long life.

mod began;
mod journey;
mod leaf;
mod segment;
mod send;
mod texts;

pub(crate) use journey::journey;
pub(crate) use segment::segment;
pub(crate) use send::send;

use crate::api::Api;
use crate::failure::Failure;
use crate::mask;
use crate::params::Named;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use roadbook_catalog::Catalog;
use roadbook_kernel::{ActorKey, CustomerId, JourneyId, MessageId, SegmentId, TenantId};
use roadbook_runtime::load_row;
use roadbook_tenancy::{ChannelKind, Purpose};
use serde_json::{Value, json};
use texts::{Said, Text, say};

/// A customer and one more thing, both named in the path.
pub(crate) struct Both<T>(CustomerId, T);

impl<T: Named, S: Send + Sync> FromRequestParts<S> for Both<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        let Path((customer, thing)) = path.map_err(|_| Failure::not_found("resource"))?;
        let customer = customer.parse().map_err(|_| Failure::not_found(CustomerId::NAME))?;
        Ok(Self(customer, thing.parse().map_err(|_| Failure::not_found(T::NAME))?))
    }
}

/// One thing that stands behind an answer.
struct Because {
    what: &'static str,
    pointer: Option<String>,
    /// Whether it speaks for what was asked; `None` where it only tells.
    holds: Option<bool>,
    have: Value,
    need: Value,
    said: Said,
    events: Vec<MessageId>,
    changes_at: Option<roadbook_kernel::Moment>,
}

impl Because {
    /// Something that only tells.
    fn told(what: &'static str, said: Said) -> Self {
        let (have, need) = (Value::Null, Value::Null);
        Self { what, pointer: None, holds: None, have, need, said, events: Vec::new(), changes_at: None }
    }

    /// Something that speaks for or against.
    fn judged(what: &'static str, holds: bool, said: Said) -> Self {
        Self { holds: Some(holds), ..Self::told(what, said) }
    }

    fn shown(&self) -> Value {
        json!({
            "what": self.what,
            "pointer": self.pointer,
            "holds": self.holds,
            "have": self.have,
            "need": self.need,
            "zh": self.said.zh,
            "en": self.said.en,
            "events": self.events,
            "changes_at": self.changes_at.map(roadbook_wire::time::write),
        })
    }
}

fn answer(answer: impl Into<Value>, sentence: &Said, because: &[Because]) -> Value {
    let because: Vec<Value> = because.iter().map(Because::shown).collect();
    json!({ "answer": answer.into(), "sentence": sentence, "because": because })
}

/// The names of what a tenant has defined.
struct Names(Catalog);

impl Names {
    async fn load(api: &Api, tenant: TenantId) -> Result<Self, Failure> {
        Ok(Self(load_row::<Catalog>(api.engine(), &ActorKey::catalog(tenant)).await?.state))
    }

    fn segment(&self, id: SegmentId) -> Said {
        Said::same(self.0.segments.get(&id).map_or_else(|| id.to_string(), |entry| entry.name.clone()))
    }

    /// The value of a tag as it may be shown: a tag that describes a person is masked as its definition says.
    fn tag_value(&self, key: &str, value: &Value) -> Value {
        let is_personal = self.0.tags.get(key).is_some_and(|entry| entry.definition.pii);
        if is_personal { mask::all(value) } else { mask::value(key, value) }
    }

    fn journey(&self, id: JourneyId) -> Said {
        Said::same(self.0.journeys.get(&id).map_or_else(|| id.to_string(), |entry| entry.name.clone()))
    }
}

fn purpose(purpose: Purpose) -> Said {
    let text = match purpose {
        Purpose::Service => Text::PurposeService,
        Purpose::Marketing => Text::PurposeMarketing,
        Purpose::Personalisation => Text::PurposePersonalisation,
        Purpose::DealerSharing => Text::PurposeDealerSharing,
    };
    say(text, &[])
}

fn channel(channel: ChannelKind) -> Said {
    let text = match channel {
        ChannelKind::WecomSeller => Text::ChannelSeller,
        ChannelKind::WecomGroupTask => Text::ChannelGroupTask,
        ChannelKind::MiniprogramSubscribe => Text::ChannelSubscribe,
        ChannelKind::Recording => Text::ChannelRecording,
    };
    say(text, &[])
}

fn number(value: impl ToString) -> Said {
    Said::same(value.to_string())
}
