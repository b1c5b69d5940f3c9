//! `roadbook doctor`: examines a folder that nobody serves, and repairs it after showing a plan.
//!
//! What is looked at in the store is the runtime's (`actors/runtime/src/doctor/`), the words and the questions are
//! `roadbook_app::visit`; here is the folder.

mod folder;

use crate::assemble::{self, Opened};
use crate::cli::Place;
use crate::config;
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use roadbook_app::{Config, Patient, Tenants, Wish, visit};
use roadbook_kernel::TenantId;
use roadbook_runtime::doctor::{Report, Scope, examine};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Engine, SystemClock};
use std::process::ExitCode;
use std::sync::Arc;

/// The exit code of an examination that could not be made.
const COULD_NOT_LOOK: u8 = 2;

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
        let visited = Visited { place, config: &config, opened, engine, files, scope, key_problem };
        Ok(visit(&visited, wish).await?)
    })
}

/// A folder, opened.
struct Visited<'a> {
    place: &'a Place,
    config: &'a Config,
    opened: Opened,
    engine: Arc<Engine>,
    files: folder::Files,
    scope: Scope,
    key_problem: Option<folder::KeyProblem>,
}

#[async_trait]
impl Patient for Visited<'_> {
    fn title(&self) -> String {
        format!("{}: {} tenants", self.place.data.display(), self.scope.tenants.len())
    }

    async fn look(&self) -> Result<Report, Fault> {
        let mut report = examine(&self.engine, &self.scope).await?;
        let (data, key) = (&self.place.data, self.key_problem.as_ref());
        folder::look(data, self.files, &self.opened.store, self.config, key, &mut report);
        Ok(report)
    }

    fn engine(&self) -> Arc<Engine> {
        self.engine.clone()
    }

    fn locked(&self) -> Option<String> {
        let why = "the master key is missing, and ids of repairs are derived from it";
        self.key_problem.as_ref().map(|_| why.to_owned())
    }

    fn way_back(&self) -> &'static str {
        "A backup of the folder"
    }
}
