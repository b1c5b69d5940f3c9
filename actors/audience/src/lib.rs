//! roadbook-audience
