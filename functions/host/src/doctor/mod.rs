//! `roadbook doctor`: examines a folder that nobody serves, and repairs it after showing a plan.
//!
//! What is looked at in the store is the runtime's (`actors/runtime/src/doctor/`); here are the folder, the words and
//! the questions.

mod folder;
mod print;

use crate::assemble::{self, Opened};
use crate::cli::Place;
use crate::config;
use anyhow::{Context, Result, bail};
use roadbook_app::{Config, Tenants};
use roadbook_kernel::TenantId;
use roadbook_runtime::doctor::{Mended, Report, Scope, examine, mend};
use roadbook_runtime::{Direct, Engine, SystemClock};
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

/// Rounds of looking and repairing: what one uncovers the next takes up.
const ROUNDS_MAX: usize = 8;
/// The exit code of an examination that could not be made.
const COULD_NOT_LOOK: u8 = 2;

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Wish {
    /// Repair, too.
    pub repair: bool,
    /// Without asking.
    pub yes: bool,
    /// For a program.
    pub json: bool,
}

/// Examines a folder, and repairs it where that is wished. 0: sound; 1: something is wrong; 2: could not look.
pub fn run(place: &Place, wish: Wish) -> ExitCode {
    match look(place, wish) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(COULD_NOT_LOOK)
        }
    }
}

fn look(place: &Place, wish: Wish) -> Result<bool> {
    let config = config::load(place, None)?;
    let data = &place.data;
    if !data.join("store").is_dir() {
        bail!("there is no store in {}; name the folder that is served with --data", data.display());
    }
    let files = folder::files(data)?;
    let key = folder::key(data);
    // The identifiers of a store are hashed already: without the key it can be examined, and not repaired.
    let opened = match assemble::open_with(data, &config, key.as_ref().copied().unwrap_or_default()) {
        Ok(opened) => opened,
        Err(error) if assemble::is_in_use(&error) => bail!(
            "{} is being served, and turns between two looks would look like damage. Stop the server and ask again; or \
             examine a copy that was made while it was stopped, or by a snapshot of the file system.",
            data.display()
        ),
        Err(error) => return Err(error).context("the store cannot be opened; restore the folder from a backup"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let engine = assemble::engine(&opened, Arc::new(SystemClock));
    runtime.block_on(async {
        let tenants = Tenants::new(engine.store.clone()).list().await.context("the list of tenants cannot be read")?;
        let tenants: Vec<TenantId> = tenants.into_iter().map(|tenant| tenant.id).collect();
        let scope = Scope { tenants, served_until: files.served_until };
        let key_problem = key.err();
        Visit { place, wish, config: &config, opened, engine, files, scope, key_problem }.go().await
    })
}

/// One visit of the doctor.
struct Visit<'a> {
    place: &'a Place,
    wish: Wish,
    config: &'a Config,
    opened: Opened,
    engine: Arc<Engine>,
    files: folder::Files,
    scope: Scope,
    key_problem: Option<folder::KeyProblem>,
}

impl Visit<'_> {
    /// Looks; repairs in rounds; says whether the folder is sound in the end.
    async fn go(&self) -> Result<bool> {
        let mut report = self.examined().await?;
        let mut changes = Vec::new();
        if !self.wish.json {
            print::report(&self.place.data, &self.scope, &report);
        }
        for _ in 0..ROUNDS_MAX {
            if !self.wish.repair || report.plan().is_empty() || !self.agreed(&report)? {
                break;
            }
            let done = self.mended(&report).await?;
            let any = done.iter().any(|(_, mended)| *mended == Mended::Done);
            if !self.wish.json {
                print::done(&done);
            }
            changes.extend(done);
            report = self.examined().await?;
            if !self.wish.json {
                println!("\nAfter the repair:");
                print::report(&self.place.data, &self.scope, &report);
            }
            if !any {
                break;
            }
        }
        if self.wish.json {
            print::json(&report, self.wish.repair, &changes)?;
        }
        Ok(report.is_sound())
    }

    async fn examined(&self) -> Result<Report> {
        let mut report = examine(&self.engine, &self.scope).await.context("the store cannot be examined")?;
        let (data, key) = (&self.place.data, self.key_problem.as_ref());
        folder::look(data, self.files, &self.opened.store, self.config, key, &mut report);
        Ok(report)
    }

    /// Shows the plan and asks.
    fn agreed(&self, report: &Report) -> Result<bool> {
        if self.key_problem.is_some() {
            eprintln!("Nothing is repaired without the master key: ids of repairs are derived from it.");
            return Ok(false);
        }
        let plan = report.plan();
        if !self.wish.json {
            print::plan(&plan);
        }
        if self.wish.yes || self.wish.json {
            return Ok(self.wish.yes);
        }
        if !std::io::stdin().is_terminal() {
            eprintln!("Nothing was changed: there is nobody to ask. Say --yes to carry this plan out.");
            return Ok(false);
        }
        print!("Carry out {} changes? A backup of the folder is the way back. [y/N] ", plan.len());
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    async fn mended(&self, report: &Report) -> Result<Vec<(String, Mended)>> {
        let direct = Direct(self.engine.clone());
        let mut done = Vec::new();
        for repair in report.plan() {
            let mended = mend(&self.engine, &direct, repair).await;
            done.push((repair.to_string(), mended.with_context(|| format!("could not {repair}"))?));
        }
        Ok(done)
    }
}
