//! The verbs. To add one: its variant here, its file beside, its line in `README.md`.

use crate::moving::{self, Pace};
use crate::place::Place;
use crate::redrive::{self, Queue};
use crate::rollback::{self, To};
use crate::secrets::{self, Brought};
use crate::{doctor, running};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use roadbook_app::Wish;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Moves, examines and mends installations of Roadbook, on AWS and off it.
///
/// Credentials, region and endpoint are found as every AWS program finds them (AWS_PROFILE, AWS_REGION, ...). A stack is
/// named as in samconfig.toml. Nothing that is in a secret, and nothing about a customer, is ever printed.
#[derive(Parser)]
#[command(name = "roadbook-ops", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Stack {
    /// Name of the stack, such as roadbook-prod.
    #[arg(long)]
    stack: String,
}

#[derive(Subcommand)]
enum Verb {
    /// Examine the tables of a stack, and repair them after showing a plan. A folder: `roadbook doctor`.
    ///
    /// While the stack is served it is examined twice, and what was found both times is shown; repairing needs `stop`
    /// first. Exit code 0: sound; 1: something is wrong; 2: it could not be examined.
    Doctor {
        #[command(flatten)]
        of: Stack,
        /// On AWS: the only place this program examines, so it may be left out.
        #[arg(long)]
        aws: bool,
        /// Show what would be changed, ask, change it, and examine again.
        #[arg(long)]
        repair: bool,
        /// With --repair: do not ask.
        #[arg(long, requires = "repair")]
        yes: bool,
        /// Print one JSON document. With --repair but without --yes: the plan, and nothing is changed.
        #[arg(long)]
        json: bool,
    },
    /// Write everything of an installation into a folder: the first half of a move.
    ///
    /// The source must stand still (`stop`, or SIGTERM to `roadbook serve`). Killed and started again, it goes on.
    Export {
        /// A data folder, or aws:STACK.
        #[arg(long)]
        from: Place,
        /// The folder of the export; made if it does not exist.
        #[arg(long)]
        to: PathBuf,
        /// Leave the master key out: it must travel another way then.
        #[arg(long)]
        without_key: bool,
        #[command(flatten)]
        pace: Parts,
    },
    /// Fill an empty installation with an export: the second half of a move.
    ///
    /// A stack must stand still (`stop`). Everything is compared by counts and checksums in the end. Killed and started
    /// again, it goes on.
    Import {
        /// The folder of an export.
        #[arg(long)]
        from: PathBuf,
        /// A data folder without a store, or aws:STACK without tenants.
        #[arg(long)]
        to: Place,
        /// File with the master key, where it does not lie in the export.
        #[arg(long)]
        key: Option<PathBuf>,
        #[command(flatten)]
        pace: Parts,
    },
    /// Let a stack stand still: close its doors, let what was accepted be decided, stop the rest. The relay runs on.
    Stop {
        #[command(flatten)]
        of: Stack,
        /// Seconds that what was accepted may take to be decided.
        #[arg(long, default_value_t = 300)]
        patience_s: u64,
    },
    /// Let a stack go on after `stop`.
    Start {
        #[command(flatten)]
        of: Stack,
    },
    /// Bring dead letters of a queue back into it; or let the relay carry what it could not.
    Redrive {
        #[command(flatten)]
        of: Stack,
        /// Which queue.
        #[arg(long)]
        queue: Queue,
        /// Messages at most.
        #[arg(long, default_value_t = 100_000)]
        max: u64,
        /// Count only.
        #[arg(long)]
        dry_run: bool,
    },
    /// The secrets of a stack.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Let every function go back to its former version: all or none. The data is read by both.
    Rollback {
        #[command(flatten)]
        of: Stack,
        /// Another version than the former one: a number for all, or FUNCTION=NUMBER; may be given several times.
        #[arg(long)]
        to: Vec<To>,
        /// Show what would be moved.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Subcommand)]
enum Secrets {
    /// Look that the master key and the settings are there and usable; put settings, or a backed-up key.
    Init {
        #[command(flatten)]
        of: Stack,
        /// Text of a roadbook.toml, checked before it is put; `-` reads standard input.
        #[arg(long)]
        settings: Option<PathBuf>,
        /// Put these settings in place of others that are there.
        #[arg(long, requires = "settings")]
        replace: bool,
        /// File with a backed-up master key (64 hex digits), for a stack that stands still and whose tables are empty.
        #[arg(long)]
        master_key: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Parts {
    /// Pieces in one part: what is done again after a crash.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=50_000), hide_short_help = true)]
    part_pieces: u32,
}

impl Parts {
    fn pace(&self) -> Pace {
        Pace { part_pieces: usize::try_from(self.part_pieces).unwrap_or(usize::MAX) }
    }
}

impl Cli {
    /// Carries the verb out.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub async fn run(self) -> Result<ExitCode> {
        match self.verb {
            Verb::Doctor { of, aws: _, repair, yes, json } => {
                return Ok(doctor::run(&of.stack, Wish { repair, yes, json }).await);
            }
            Verb::Export { from, to, without_key, pace } => {
                moving::export(&from, &to, !without_key, pace.pace()).await?;
            }
            Verb::Import { from, to, key, pace } => moving::import(&from, &to, key.as_deref(), pace.pace()).await?,
            Verb::Stop { of, patience_s } => running::stop(&of.stack, Duration::from_secs(patience_s)).await?,
            Verb::Start { of } => running::start(&of.stack).await?,
            Verb::Redrive { of, queue, max, dry_run } => redrive::redrive(&of.stack, queue, max, dry_run).await?,
            Verb::Secrets(Secrets::Init { of, settings, replace, master_key }) => {
                let (settings, master) = (settings.as_deref(), master_key.as_deref());
                secrets::init(&of.stack, Brought { settings, master, replace }).await?;
            }
            Verb::Rollback { of, to, dry_run } => rollback::rollback(&of.stack, &to, dry_run).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_verbs_fit_together() {
        Cli::command().debug_assert();
        for wrong in [
            &["roadbook-ops", "doctor"][..],
            &["roadbook-ops", "doctor", "--stack", "s", "--yes"],
            &["roadbook-ops", "export", "--from", "aws:", "--to", "x"],
            &["roadbook-ops", "redrive", "--stack", "s", "--queue", "outbox"],
            &["roadbook-ops", "secrets", "init", "--stack", "s", "--replace"],
            &["roadbook-ops", "import", "--from", "x", "--to", "y", "--part-pieces", "0"],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
        assert!(
            Cli::try_parse_from(["roadbook-ops", "rollback", "--stack", "s", "--to", "3", "--to", "api=2"]).is_ok()
        );
    }
}
