//! roadbook-send
