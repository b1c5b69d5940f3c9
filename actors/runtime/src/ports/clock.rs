//! The port to time.

use roadbook_kernel::Moment;

/// Where `now` comes from: the machine in a host, a number under replay and simulation.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Moment;
}
