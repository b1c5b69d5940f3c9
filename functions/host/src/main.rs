//! `roadbook`: the whole product in one process over one folder.

mod admin;
mod assemble;
mod bench_store;
mod cli;
mod config;
mod keyfile;
mod loops;
mod replay;
mod serve;
mod socket;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
