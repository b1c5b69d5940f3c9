//! roadbook-xtask
fn main() {}
