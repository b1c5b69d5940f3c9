//! roadbook-bench
fn main() {}
