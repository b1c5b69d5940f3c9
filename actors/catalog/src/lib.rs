//! roadbook-catalog
