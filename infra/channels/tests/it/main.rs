//! The channels against the simulated platform, over real HTTP.

mod group_task;
mod privacy;
mod rig;
mod seller;
mod subscribe;
mod tokens;
