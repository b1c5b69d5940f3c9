//! What needs the AWS SDK to be tested lives here, so that plain `cargo test` does not compile it.
//!
//! `tests/dynamodb` runs where `ROADBOOK_DYNAMODB` names the endpoint of an emulator; `cargo xtask test --only dynamodb`
//! starts one. `examples/dictionary.rs` trains the dictionary that rows are packed with, and measures it.

use std::io::Write;

/// Where the emulator listens that the environment names. Where it names none, the test says on standard error that it
/// was not run: what is printed the usual way is shown of failed tests only.
///
/// # Panics
/// Where standard error takes no line.
pub fn emulator(test: &str) -> Option<String> {
    let endpoint = std::env::var("ROADBOOK_DYNAMODB").ok().filter(|endpoint| !endpoint.is_empty());
    if endpoint.is_none() {
        let told = writeln!(
            std::io::stderr(),
            "NOT RUN: {test}: ROADBOOK_DYNAMODB names no emulator; see `cargo xtask test --only dynamodb`"
        );
        told.expect("standard error takes a line");
    }
    endpoint
}
