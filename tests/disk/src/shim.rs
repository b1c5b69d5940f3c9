//! The shim: compiled here, handed to a server by its environment, and what it told.

use anyhow::{Context, Result, bail};
use roadbook_bench::workload::SplitMix64;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Calls on files until a server that starts on a folder is ready, generously: power cuts below it hit a recovery.
const START_CALLS: u64 = 600;
/// Calls on files of a life under load, at most.
const LIFE_CALLS: u64 = 4_000;
/// Syncs of files before the one that fails.
const SYNCS_MAX: u64 = 300;

/// Compiles the shim.
///
/// # Errors
/// No C compiler, or one that has something to say: warnings are errors here.
pub fn build(folder: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim");
    let library = folder.join("libroadbookdisk.so");
    let mut compile = Command::new("cc");
    compile.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-pthread", "-o"]);
    compile.arg(&library).args(["trap.c", "model.c", "loss.c"].map(|name| source.join(name)));
    let said = compile.output().context("run the C compiler `cc`")?;
    if !said.status.success() {
        bail!("the shim does not compile:\n{}", String::from_utf8_lossy(&said.stderr));
    }
    Ok(library)
}

/// What befalls one life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The power goes at this call.
    Cut(u64),
    /// This sync fails, once; the power goes at that call, in case nobody minded.
    FailedSync(u64, u64),
    /// The disk is full from this call on.
    Full(u64),
}

impl Fate {
    /// Draws one: mostly power cuts, some of them in the middle of a recovery.
    pub fn draw(random: &mut SplitMix64) -> Self {
        let under_load = START_CALLS + random.below(LIFE_CALLS);
        match random.below(8) {
            0 => Self::FailedSync(1 + random.below(SYNCS_MAX), START_CALLS + LIFE_CALLS),
            1 => Self::Full(under_load),
            2 => Self::Cut(1 + random.below(START_CALLS)),
            _ => Self::Cut(under_load),
        }
    }
}

/// Where the shim works. All of it lies beside the data folder, on the same file system.
pub struct Bed {
    library: PathBuf,
    data: PathBuf,
    trash: PathBuf,
    arm: PathBuf,
    report: PathBuf,
}

impl Bed {
    /// For a data folder that does not exist yet.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn make(library: &Path, data: &Path) -> Result<Self> {
        let beside = |name: &str| data.with_extension(name);
        let bed = Self {
            library: library.to_owned(),
            data: data.to_owned(),
            trash: beside("trash"),
            arm: beside("arm"),
            report: beside("report"),
        };
        fs::create_dir(&bed.trash).with_context(|| format!("make {}", bed.trash.display()))?;
        Ok(bed)
    }

    /// Calls are counted from now on.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn arm(&self) -> Result<()> {
        fs::write(&self.arm, "").with_context(|| format!("write {}", self.arm.display()))
    }

    /// The environment of a server that meets this fate.
    ///
    /// # Errors
    /// The trash of its former life, which cannot be emptied.
    pub fn environment(&self, fate: Fate, seed: u64) -> Result<Vec<(String, String)>> {
        for entry in fs::read_dir(&self.trash)? {
            fs::remove_file(entry?.path())?;
        }
        let shown = |path: &Path| path.display().to_string();
        let mut all = vec![
            ("LD_PRELOAD", shown(&self.library)),
            ("DISK_ROOT", shown(&self.data)),
            ("DISK_TRASH", shown(&self.trash)),
            ("DISK_ARM", shown(&self.arm)),
            ("DISK_REPORT", shown(&self.report)),
            ("DISK_SEED", seed.to_string()),
        ];
        match fate {
            Fate::Cut(at) => all.push(("DISK_LOSS_AT", at.to_string())),
            Fate::Full(from) => all.push(("DISK_FULL_AT", from.to_string())),
            Fate::FailedSync(sync, cut) => {
                all.push(("DISK_EIO_AT", sync.to_string()));
                all.push(("DISK_LOSS_AT", cut.to_string()));
            }
        }
        Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// What it told of the losses so far.
    pub fn told(&self) -> Told {
        let text = fs::read_to_string(&self.report).unwrap_or_default();
        let mut sum = Told::default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).for_each(|one| sum.add(&one));
        sum
    }
}

/// What was lost, and what was not.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Files with bytes that were not synced.
    pub files: u64,
    /// Writes that survived, whole.
    pub kept: u64,
    /// Writes that were lost, whole.
    pub lost: u64,
    /// Writes of which a part survived, or none or all of their pages by chance.
    pub torn: u64,
    /// Changes of folders that survived.
    pub entries_kept: u64,
    /// Changes of folders that were lost.
    pub entries_lost: u64,
}

impl Told {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.kept += other.kept;
        self.lost += other.lost;
        self.torn += other.torn;
        self.entries_kept += other.entries_kept;
        self.entries_lost += other.entries_lost;
    }
}
