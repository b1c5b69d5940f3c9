//! The verbs.

use crate::admin::{self, Command as Admin};
use crate::{bench_store, compact, config, doctor, people, replay, serve};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use roadbook_access::KeyKind;
use roadbook_app::Wish;
use std::path::PathBuf;
use std::process::ExitCode;

/// Customer-lifecycle marketing for car makers and dealers, on one machine.
#[derive(Parser)]
#[command(name = "roadbook", version, about)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Where the data and the settings are.
#[derive(Args, Clone)]
pub struct Place {
    /// Folder that holds everything; made if it does not exist.
    #[arg(long, default_value = "./roadbook-data", env = "ROADBOOK_DATA")]
    pub data: PathBuf,
    /// Settings file; `roadbook.toml` inside the data folder is read if this is not given.
    #[arg(long, env = "ROADBOOK_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve the API, fire timers, send messages.
    Serve {
        #[command(flatten)]
        place: Place,
        /// Port to listen on; 0 takes a free one. Overrides the settings.
        #[arg(long)]
        port: Option<u16>,
        /// Print what is ready as one JSON line instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Tenants of this folder.
    #[command(subcommand)]
    Tenants(Tenants),
    /// API keys of a tenant.
    #[command(subcommand)]
    Keys(Keys),
    /// People who sign in to a tenant.
    #[command(subcommand)]
    Users(people::Users),
    /// Play a file of past events under a virtual clock.
    Replay(replay::Options),
    /// Print every setting in force with its unit and who set it, secrets hidden; and everything that is wrong.
    Config {
        #[command(flatten)]
        place: Place,
        /// As `serve --port` would have it.
        #[arg(long)]
        port: Option<u16>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Examine a folder that nobody serves, and repair it after showing a plan.
    ///
    /// Exit code 0: sound; 1: something is wrong; 2: it could not be examined.
    Doctor {
        #[command(flatten)]
        place: Place,
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
    /// Write the store in its smallest form, while nothing serves it: before a backup, or to see how large it is.
    Compact {
        #[command(flatten)]
        place: Place,
    },
    /// Measure the store alone (used by `cargo xtask bench`).
    #[command(hide = true)]
    BenchStore {
        /// Print one JSON line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Tenants {
    /// Create a tenant and its first keys; the keys are shown once.
    Create {
        #[command(flatten)]
        place: Place,
        /// What people call it.
        name: String,
    },
    /// List tenants.
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Subcommand)]
enum Keys {
    /// Create a key; it is shown once.
    Create {
        #[command(flatten)]
        place: Place,
        /// Tenant id (`tn_...`); may be left out where there is only one.
        #[arg(long)]
        tenant: Option<String>,
        /// `write` sends events; `secret` may do everything.
        #[arg(long, value_parser = kind)]
        kind: KeyKind,
        /// What people call it.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List keys, never the keys themselves.
    List {
        #[command(flatten)]
        place: Place,
        /// Tenant id; may be left out where there is only one.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Revoke a key by its id (`key_...`), effective at once.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Tenant id; may be left out where there is only one.
        #[arg(long)]
        tenant: Option<String>,
        /// Id of the key.
        id: String,
    },
}

fn kind(text: &str) -> Result<KeyKind, String> {
    match text {
        "write" => Ok(KeyKind::Write),
        "secret" => Ok(KeyKind::Secret),
        _ => Err("a key is `write` or `secret`".into()),
    }
}

impl Cli {
    /// Carries out the verb.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn run(self) -> Result<ExitCode> {
        let done = match self.verb {
            Verb::Doctor { place, repair, yes, json } => {
                return Ok(doctor::run(&place, Wish { repair, yes, json }));
            }
            Verb::Serve { place, port, json } => serve::run(&place, port, json),
            Verb::Tenants(Tenants::Create { place, name }) => admin::run(&place, Admin::CreateTenant { name }),
            Verb::Tenants(Tenants::List { place }) => admin::run(&place, Admin::ListTenants),
            Verb::Keys(Keys::Create { place, tenant, kind, name }) => {
                admin::run(&place, Admin::CreateKey { tenant, kind, name })
            }
            Verb::Keys(Keys::List { place, tenant }) => admin::run(&place, Admin::ListKeys { tenant }),
            Verb::Keys(Keys::Revoke { place, tenant, id }) => admin::run(&place, Admin::RevokeKey { tenant, id }),
            Verb::Users(verb) => people::run(verb),
            Verb::Replay(options) => replay::run(&options),
            Verb::Config { place, port, json } => return config::show(&place, port, json),
            Verb::Compact { place } => compact::run(&place),
            Verb::BenchStore { json } => bench_store::run(json),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}
