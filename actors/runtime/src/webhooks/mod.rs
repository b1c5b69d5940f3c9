//! Webhooks: a tenant names an address, and hears there what happens to its customers.
//!
//! ```text
//! fact -> effect of its turn -> relay -> one delivery per endpoint -> attempts -> delivered | failed
//! ```
//! A fact becomes an effect only where an endpoint of the tenant asks for its topic, so a tenant without endpoints pays
//! one look into a map per turn. The effect is intended once, in the commit of its turn; the delivery is handed over at
//! least once, always under the same id, by which the receiver can make it once.
//!
//! | what | where |
//! | --- | --- |
//! | an endpoint: address, topics, secrets, whether it is enabled | `endpoint.rs` |
//! | which topics a turn must announce | `subscriptions.rs` |
//! | one announcement on its way, and when it is tried again | `delivery.rs` |
//! | the last attempts, and since when an endpoint fails | `health.rs` |
//! | which addresses are nobody's business to call | `address.rs` |

mod address;
mod delivery;
mod endpoint;
mod health;
mod subscriptions;

pub use address::is_public;
pub use delivery::{
    ATTEMPTS_MAX, Delivery, DeliveryState, HeldDelivery, LEASE_MS, due, hold, named, of_endpoint, postpone, read,
};
pub use endpoint::{
    Because, Endpoint, HeldEndpoint, SECRET_PREFIX, Signing, SigningSecret, Status, endpoint, endpoints,
};
pub use health::{Attempt, Health, forgive, health, note};
pub use subscriptions::{Subscribed, Subscriptions};

pub(crate) use delivery::deliveries_of;
