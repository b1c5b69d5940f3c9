//! roadbook-wire
