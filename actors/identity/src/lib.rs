//! roadbook-identity
