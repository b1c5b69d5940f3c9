//! roadbook-channels
