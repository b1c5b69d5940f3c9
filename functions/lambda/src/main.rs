//! `bootstrap`: the product on AWS Lambda. One artefact for every function; the environment says which one this is.
//!
//! | question | file |
//! | --- | --- |
//! | Which functions are there? | `role.rs` |
//! | What does the environment say? | `environment.rs` |
//! | What is kept between invocations, and for how long? | `product.rs` |
//! | Where do the master key and the credentials come from? | `secrets.rs` |
//! | How does HTTP come in? | `api.rs` |
//! | How do events and pokes reach customers? | `messages.rs`, `inbox.rs` |
//! | How are turns carried? | `relay.rs` |
//! | How do messages leave? | `send.rs`, with whose credentials: `accounts.rs` |
//! | What if the stream has forgotten? | `repair.rs` |
//! | What happens every minute? | `sweep.rs` |
//! | How is the first tenant made? | `admin.rs` |
//! | When is there no time left? | `deadline.rs` |
//!
//! Architecture invariant: nothing asks the network before the first invocation. Clients are made once per process.

mod accounts;
mod admin;
mod api;
mod deadline;
mod environment;
mod inbox;
mod messages;
mod metrics;
mod product;
mod relay;
mod repair;
mod role;
mod secrets;
mod send;
mod sweep;

use anyhow::{Context, Result};
use environment::Environment;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use product::Product;
use role::Role;
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let environment = Environment::read()?;
    roadbook_observe::start(roadbook_observe::Format::Json, &environment.log_filter);
    // One thread: a function is given one event at a time, and what it waits for is the network.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(serve(environment)).map_err(|error| anyhow::anyhow!(error)).context("ask for the next event")
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let role = environment.role;
    let product = Arc::new(Product::new(environment).await);
    match role {
        Role::Api => lambda_http::run(service_fn(|request| api::answer(&product, request))).await,
        Role::Inbox => {
            let told = async |event: LambdaEvent<_>| -> Result<Value, Error> { inbox::work(&product, event).await };
            lambda_runtime::run(service_fn(told)).await
        }
        Role::Send => {
            let told = async |event: LambdaEvent<_>| -> Result<Value, Error> { send::work(&product, event).await };
            lambda_runtime::run(service_fn(told)).await
        }
        Role::Relay => {
            let told = async |event: LambdaEvent<_>| -> Result<Value, Error> { relay::work(&product, event).await };
            lambda_runtime::run(service_fn(told)).await
        }
        Role::Sweep => {
            let told = async |event: LambdaEvent<Value>| -> Result<Value, Error> {
                sweep::tick(&product, event.context.deadline).await
            };
            lambda_runtime::run(service_fn(told)).await
        }
        Role::Admin => {
            let told = async |event: LambdaEvent<_>| -> Result<Value, Error> {
                admin::carry_out(&product, event.payload).await
            };
            lambda_runtime::run(service_fn(told)).await
        }
    }
}
