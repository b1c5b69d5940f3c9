//! The doors that take events.

mod accept;
mod browser;
mod intake;
mod rejected;

pub(crate) use accept::{Door, take};
pub(crate) use browser::{measurements, preflight, settings};
pub(crate) use intake::Fate;
