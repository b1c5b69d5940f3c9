//! roadbook-api
