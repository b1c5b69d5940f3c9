//! An engine over fresh tables.

use crate::emulator::Place;
use roadbook_aws::Dynamo;
use roadbook_it::rig::{Rig, T0};
use roadbook_runtime::engine::Limits;
use roadbook_runtime::{ManualClock, Streamed};
use std::sync::Arc;

/// An engine over them, at the first instant of all tests. Their stream brings its turns.
pub fn over(place: &Place, limits: Limits) -> Rig<Dynamo> {
    let clock = || Arc::new(ManualClock::at(T0));
    Rig::carried(place.dynamo.clone(), Arc::new(Streamed), clock(), clock(), limits)
}
