//! `roadbook-ops` against an emulator of AWS: `cargo xtask test --only dynamodb`, or by hand with the emulator's address in
//! `ROADBOOK_DYNAMODB`. The program runs as a process of its own, so that it can be killed.

mod emulator;
mod life;
mod moving;
mod stack;
mod whole;
