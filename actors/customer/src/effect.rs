//! What a customer actor wants done outside. An effect is intended once, in the commit of its turn, and carried by
//! the relay.

use crate::announce::Announcement;
use roadbook_kernel::{Personal, SendKey, TenantId};
use roadbook_tenancy::{Address, ChannelKind, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that must happen after the commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A message to a person.
    Send(Outbound),
    /// A fact that a webhook endpoint of the tenant asked for.
    Announce(Announcement),
}

/// What a provider is asked to deliver. The same send always carries the same key and the same rendered content,
/// however often it is tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outbound {
    /// Whose message it is: picks the credentials.
    pub tenant: TenantId,
    /// Business key: hash(tenant, run, node, iteration).
    pub key: SendKey,
    /// Why: the sender asks for consent once more before the provider is called. A send queued by a version that did
    /// not write it counts as marketing, the stricter of the two.
    #[serde(default = "strictest")]
    pub purpose: Purpose,
    /// Which provider API.
    pub channel: ChannelKind,
    /// Where it goes.
    pub to: Address,
    /// Template id of a subscribe message, else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Rendered content: `{"text": "..."}` for WeCom, the `data` object for a subscribe message.
    pub content: Personal<Value>,
}

const fn strictest() -> Purpose {
    Purpose::Marketing
}
