//! The simulator: the real engine on two hosts over one store, in virtual time, with faults at every port; and an
//! auditor who knows only what was planned and what was acknowledged.
//!
//! | question | file |
//! | --- | --- |
//! | What happens in a run? | `plan.rs`, `journeys.rs`, made from the seed |
//! | What goes wrong? | `weather.rs`: how often; `ports.rs`, `provider.rs`: where |
//! | Who goes next? | `run.rs`, `run/loops.rs`, `task.rs` |
//! | What is a host? | `host.rs`, `boxes.rs` |
//! | What must hold? | `audit.rs`: at the end; `provider.rs`, `ports.rs`: at once |
//! | How is a failing seed shown? | `seed.rs`, `shrink.rs` |
//! | Does it find anything? | `mutants.rs` |

pub mod audit;
pub mod boxes;
pub mod chance;
pub mod host;
pub mod journeys;
pub mod plan;
pub mod ports;
pub mod provider;
pub mod run;
pub mod seed;
pub mod task;
pub mod weather;
pub mod world;
