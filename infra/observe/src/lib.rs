//! roadbook-observe
