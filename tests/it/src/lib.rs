//! What the integration tests stand on: a rig around one engine, one conformance suite for every store, a wrapper
//! that fails on demand, the scripted scenario, and the form in which two runs are compared.
//!
//! | question | file |
//! | --- | --- |
//! | What must a store do? | `conformance.rs` |
//! | What must a queue do? | `queues.rs` |
//! | What may a stream bring twice? | `carrying.rs` |
//! | What happens at port call k? | `faulty.rs` |
//! | How does a test speak to the engine? | `rig.rs`, `say.rs` |
//! | How do sends leave in a test? | `sender.rs` |
//! | When are two runs the same? | `canon.rs` |
//! | Which 30 turns are run with a crash at every call? | `script.rs`, `scenario.rs` |

use roadbook_runtime::ports::{History, Journal, Store};

pub mod canon;
pub mod carrying;
pub mod conformance;
pub mod faulty;
pub mod queues;
pub mod rig;
pub mod say;
pub mod scenario;
pub mod script;
pub mod sender;

/// A place that keeps things.
pub trait Keeper: Store + History + 'static {}

impl<S: Store + History + 'static> Keeper for S {}

/// One that keeps the commit log as well.
pub trait Backend: Keeper + Journal {}

impl<S: Keeper + Journal> Backend for S {}
