//! roadbook-embedded
