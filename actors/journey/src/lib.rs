//! roadbook-journey
