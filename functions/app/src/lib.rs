//! roadbook-app
