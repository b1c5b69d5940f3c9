//! The doors that take events.

mod accept;
mod browser;
mod rejected;

pub(crate) use accept::{Door, take};
pub(crate) use browser::{measurements, preflight, settings};
