//! `infra/aws` against an emulator of DynamoDB and SQS: `cargo xtask test --only dynamodb`, or by hand with the emulator's
//! address in `ROADBOOK_DYNAMODB`.

mod bad_days;
mod cost;
mod cost_world;
mod emulator;
mod engine;
mod meter;
mod network;
mod once;
mod outbox;
#[path = "../../people.rs"]
mod people;
mod ports;
mod queues;
mod spill;
mod suite;
mod units;
