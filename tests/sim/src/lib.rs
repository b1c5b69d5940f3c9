//! The simulator: the real engine on two hosts over one store, in virtual time, with faults at every port; and an
//! auditor who knows only what was planned and what was acknowledged.
//!
//! | question | file |
//! | --- | --- |
//! | What happens in a run? | `plan.rs`, `journeys.rs`, made from the seed |
//! | What goes wrong? | `weather.rs`: how often; `ports.rs`, `queues.rs`, `provider.rs`, `hooks.rs`: where |
//! | Who goes next? | `run.rs`, `run/loops.rs`, `task.rs` |
//! | What is a host? | `host.rs`, `boxes.rs` |
//! | What must hold? | `audit.rs`: at the end; `provider.rs`, `hooks.rs`, `ports.rs`: at once |
//! | What is asked of many seeds? | `campaign.rs` |
//! | How is a failing seed shown? | `seed.rs`, `shrink.rs`, `main.rs` |
//! | Would it notice? | `breakage.rs`, with the switches in `actors/runtime/src/mutants.rs` |

pub mod audit;
pub mod boxes;
#[cfg(feature = "mutants")]
pub mod breakage;
pub mod campaign;
pub mod chance;
pub mod hooks;
pub mod host;
pub mod journeys;
pub mod plan;
pub mod ports;
pub mod provider;
pub mod queues;
pub mod run;
pub mod seed;
pub mod shrink;
pub mod task;
pub mod weather;
pub mod world;
