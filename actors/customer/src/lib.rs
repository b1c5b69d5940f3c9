//! roadbook-customer
