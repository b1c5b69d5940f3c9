//! The ports: what the engine needs of the world, each as narrow as its use.

pub mod channel;

pub use channel::{Channel, Outbound, PollAnswer, SendAnswer};
