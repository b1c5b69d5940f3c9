//! `roadbook-ops`: what an operator does with installations: move one between a folder and AWS, examine and mend a stack,
//! stop it and start it, go back to a former version. The only program that sees both stores.
//!
//! | question | file |
//! | --- | --- |
//! | Which verbs are there? | `cli.rs` |
//! | Where does an installation lie? | `place.rs`; a stack: `stack.rs`; a folder: `folder.rs` |
//! | How does one become another? | `moving/` |
//! | Does everything agree? | `doctor.rs` |
//! | How does a stack stand still, and go on? | `running.rs` |
//! | What becomes of dead letters of the queues? | `redrive.rs` |
//! | Which secrets must be there? | `secrets.rs` |
//! | How does the former version come back? | `rollback.rs` |

mod cli;
mod doctor;
mod folder;
mod moving;
mod place;
mod redrive;
mod rollback;
mod running;
mod secrets;
mod stack;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    roadbook_observe::start(roadbook_observe::Format::Text, "warn");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(cli::Cli::parse().run()),
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
