//! What threads share is built from these: the standard types in the product, and in the build of
//! `cargo xtask schedules` the same shapes on a scheduler that is told who goes next (`sync/scheduled.rs`).

#[cfg(not(schedules))]
mod real;
#[cfg(schedules)]
pub(crate) mod scheduled;

#[cfg(not(schedules))]
pub(crate) use real::*;
#[cfg(schedules)]
pub(crate) use scheduled::*;
