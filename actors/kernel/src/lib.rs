//! The words every room of the house shares: typed ids, [`Moment`], [`ActorKey`], [`Personal`], and the shape of
//! an actor ([`Durable`], [`Draft`], [`Refusal`]).
//!
//! Architecture invariant: nothing here knows about storage, clocks, randomness or any vendor.

mod actor;
mod durable;
mod expected;
mod id;
mod moment;
mod personal;

pub use actor::{ActorKey, ActorKind};
pub use durable::{Draft, Durable, Place, Refusal};
pub use expected::Expected;
pub use id::{
    AnnouncementId, ConflictId, CustomerId, DeadLetterId, DeliveryId, EndpointId, Hash128, IdError, JobId, JourneyId,
    MessageId, ReviewId, RunId, SegmentId, SendKey, TenantId, UserId, VehicleId, sortable,
};
pub use moment::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, SECOND_MS};
pub use personal::Personal;
