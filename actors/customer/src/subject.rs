//! What conditions may ask about a customer.

use crate::state::Customer;
use roadbook_audience::{Subject, Tracker, TrackerId};
use roadbook_kernel::SegmentId;
use serde_json::Value;
use std::borrow::Cow;

impl Subject for Customer {
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.traits.get(key).and_then(|known| known.value())
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).and_then(|tag| tag.value.as_deref())
    }

    fn in_segment(&self, id: SegmentId) -> bool {
        self.memberships.get(&id).is_some_and(|membership| membership.inside)
    }

    fn tracker(&self, id: TrackerId) -> Option<&Tracker> {
        self.trackers.get(&id)
    }
}
