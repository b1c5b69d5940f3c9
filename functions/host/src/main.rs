//! `roadbook`: the whole product in one process over one folder.

mod admin;
mod assemble;
mod bench_store;
mod cli;
mod compact;
mod config;
mod doctor;
mod entrances;
mod keyfile;
mod loops;
mod password;
mod people;
mod replay;
mod serve;
mod socket;

use clap::Parser;
use std::process::ExitCode;

/// Rows are decoded on one thread and dropped on another; mimalloc returns such memory without a lock. Measured on the
/// replay: a third less CPU than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
