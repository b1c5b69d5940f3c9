//! The instrument behind `cargo xtask crash` and `cargo xtask soak`: the real server under real HTTP load, killed with
//! `kill -9` at random instants and started again, and then an audit of everything it had acknowledged.
//!
//! Nothing here links the product. What its clients know they wrote down themselves ([`ledger`]), and what the server
//! has is read over its API ([`read`]); [`audit`] holds one against the other.
//!
//! Where is what: a client in [`writer`], its batches in [`batch`], its commands in [`command`]; kills and drains in
//! [`run`]; the process in [`host`]; memory over a long time in [`soak`].

pub mod audit;
pub mod batch;
pub mod client;
pub mod command;
pub mod definitions;
pub mod host;
pub mod ledger;
pub mod people;
pub mod read;
pub mod run;
pub mod soak;
pub mod stage;
pub mod writer;
