//! What the steps share.

use super::once::Once;
use super::stage::Stage;
use super::tools::{self, Tools};
use crate::place::Place;
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

/// How a step that did not fail came out.
pub enum Verdict {
    /// It was run and holds.
    Passed,
    /// It could not be run here, because.
    Skipped(String),
}

/// The place, and what was set up so far.
pub struct Bench {
    /// The repository.
    pub place: Place,
    programs: Once<()>,
    tools: Once<Tools>,
    stage: Once<Stage>,
}

impl Bench {
    /// Nothing is set up yet.
    pub fn new(place: Place) -> Self {
        Self { place, programs: Once::default(), tools: Once::default(), stage: Once::default() }
    }

    /// Where a step's output is kept.
    pub fn log(&self, name: &str) -> PathBuf {
        self.place.target.join("xtask").join(name).with_extension("log")
    }

    /// An empty folder for a step; what an earlier run left in it is gone.
    ///
    /// # Errors
    /// A folder that cannot be emptied.
    pub fn fresh_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.place.target.join("xtask").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(folder)
    }

    /// Builds `roadbook` and the simulator, once.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn programs(&self) -> Result<Rc<()>> {
        self.programs
            .get("building the programs", || run::quietly(&mut self.place.build_programs(), &self.log("programs")))
    }

    /// Installs the packages of the third-party clients, once.
    ///
    /// # Errors
    /// What the installers say.
    pub fn tools(&self) -> Result<Rc<Tools>> {
        self.tools.get("installing the clients", || tools::set_up(self))
    }

    /// A server and a simulator that are up, once.
    ///
    /// # Errors
    /// Programs that do not build or do not start.
    pub fn stage(&self) -> Result<Rc<Stage>> {
        self.programs()?;
        self.stage.get("starting the server", || Stage::open(self))
    }

    /// Stops what is up.
    ///
    /// # Errors
    /// A server that did not drain.
    pub fn close(self) -> Result<()> {
        match self.stage.take().and_then(Rc::into_inner) {
            Some(stage) => stage.close(),
            None => Ok(()),
        }
    }
}
