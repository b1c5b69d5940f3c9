//! `infra/aws` against an emulator of DynamoDB and SQS: `cargo xtask test --only dynamodb`, or by hand with the emulator's
//! address in `ROADBOOK_DYNAMODB`.

mod emulator;
mod engine;
mod network;
mod once;
mod outbox;
mod queues;
mod suite;
