//! roadbook-it
