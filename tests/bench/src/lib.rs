//! The instrument behind `cargo xtask bench`: it measures the machine, then a real `roadbook` process on it.
//!
//! A number without its floor says little, so every run first measures what this disk and this loopback can do at
//! all ([`floors`], [`floor_server`]), with the same generator and the same bytes. Nothing here links the product:
//! the server is a separate process, started by path, reached over TCP and judged by its answers and counters.
//!
//! Where is what: the requests in [`workload`], the load loop in [`generator`], what is measured in [`phase`], the
//! list of figures with their targets in [`figures`], the printed forms in [`table`].

pub mod client;
pub mod figures;
pub mod floor_server;
pub mod floors;
pub mod generator;
pub mod machine;
pub mod phase;
pub mod procfs;
pub mod response;
pub mod server;
pub mod stats;
pub mod suite;
pub mod table;
pub mod template;
pub mod workload;
