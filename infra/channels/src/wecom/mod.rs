//! WeCom: the app message to a seller, and the group message task that a seller confirms.

mod group_task;
mod message;

pub(crate) use group_task::{Pair, create, poll};
pub(crate) use message::send;

use roadbook_runtime::ports::Outbound;
use serde_json::Value;

/// The rendered text of a send; `None`: there is none, or it is not text.
fn text(outbound: &Outbound) -> Option<&str> {
    outbound.content.reveal().get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}
