//! The body: a CloudEvent 1.0 in structured JSON.

use roadbook_runtime::ports::HookCall;
use roadbook_wire::time;
use serde_json::json;

/// The body of a call: the same bytes at every attempt. `id` is the announcement's, the same for every endpoint that
/// hears it; `webhook-id` is this endpoint's.
pub(super) fn body(call: &HookCall<'_>) -> serde_json::Result<Vec<u8>> {
    let delivery = call.delivery;
    serde_json::to_vec(&json!({
        "specversion": "1.0",
        "id": delivery.announcement,
        "source": format!("/tenants/{}", call.tenant),
        "type": delivery.said.topic,
        "subject": delivery.subject,
        "time": time::write(delivery.said.at),
        "datacontenttype": "application/json",
        "data": delivery.said.data,
    }))
}
