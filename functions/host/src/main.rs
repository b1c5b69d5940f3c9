//! roadbook-host
fn main() {}
