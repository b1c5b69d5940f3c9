//! What is different between segments and journeys.

use crate::params::Named;
use roadbook_catalog::{Catalog, Command, Entry};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{Expected, JourneyId, MessageId, Moment, SegmentId};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The id of a kind of definition, and everything its handlers need to know of the kind.
pub(crate) trait Defined: Named + Copy + Ord + Display + Serialize + Send + Sync + 'static {
    /// The field of the body that holds the definition itself.
    const BODY: &'static str;

    fn wrap(body: u128) -> Self;
    fn body(self) -> u128;
    fn entries(catalog: &Catalog) -> &BTreeMap<Self, Entry>;
    fn derive(keys: &TenantKeys, accepted: Moment, message: MessageId) -> Self;
    fn create(id: Self, name: String, body: Value) -> Command;
    fn edit(id: Self, name: String, body: Value, expected: Expected) -> Command;
    fn publish(id: Self) -> Command;
    fn archive(id: Self, expected: Expected) -> Command;
}

impl Defined for SegmentId {
    const BODY: &'static str = "condition";

    fn wrap(body: u128) -> Self {
        Self::from_u128(body)
    }

    fn body(self) -> u128 {
        self.as_u128()
    }

    fn entries(catalog: &Catalog) -> &BTreeMap<Self, Entry> {
        &catalog.segments
    }

    fn derive(keys: &TenantKeys, accepted: Moment, message: MessageId) -> Self {
        keys.segment(accepted, message)
    }

    fn create(id: Self, name: String, condition: Value) -> Command {
        Command::CreateSegment { id, name, condition }
    }

    fn edit(id: Self, name: String, condition: Value, expected: Expected) -> Command {
        Command::EditSegment { id, name, condition, expected }
    }

    fn publish(id: Self) -> Command {
        Command::PublishSegment { id }
    }

    fn archive(id: Self, expected: Expected) -> Command {
        Command::ArchiveSegment { id, expected }
    }
}

impl Defined for JourneyId {
    const BODY: &'static str = "definition";

    fn wrap(body: u128) -> Self {
        Self::from_u128(body)
    }

    fn body(self) -> u128 {
        self.as_u128()
    }

    fn entries(catalog: &Catalog) -> &BTreeMap<Self, Entry> {
        &catalog.journeys
    }

    fn derive(keys: &TenantKeys, accepted: Moment, message: MessageId) -> Self {
        keys.journey(accepted, message)
    }

    fn create(id: Self, name: String, definition: Value) -> Command {
        Command::CreateJourney { id, name, definition }
    }

    fn edit(id: Self, name: String, definition: Value, expected: Expected) -> Command {
        Command::EditJourney { id, name, definition, expected }
    }

    fn publish(id: Self) -> Command {
        Command::PublishJourney { id }
    }

    fn archive(id: Self, expected: Expected) -> Command {
        Command::ArchiveJourney { id, expected }
    }
}
