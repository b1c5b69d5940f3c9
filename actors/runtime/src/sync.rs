//! The lock of the caches that turns share: the standard one in the product, and in the build of `cargo xtask schedules`
//! one whose scheduler is told who goes next.

#[cfg(schedules)]
pub(crate) use shuttle::sync::RwLock;
#[cfg(not(schedules))]
pub(crate) use std::sync::RwLock;
