//! What needs the AWS SDK to be tested lives here, so that plain `cargo test` does not compile it.
//!
//! `tests/dynamodb` runs where `ROADBOOK_DYNAMODB` names the endpoint of an emulator; `cargo xtask test --only dynamodb`
//! starts one. `examples/dictionary.rs` trains the dictionary that rows are packed with, and measures it.
