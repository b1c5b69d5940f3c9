//! One seed: a store that lives through several power cuts, and an audit.

use crate::shim::{Bed, Fate, Told};
use anyhow::{Context, Result};
use roadbook_bench::workload::SplitMix64;
use roadbook_crash::audit::Audit;
use roadbook_crash::definitions::Definitions;
use roadbook_crash::host::{Host, Program};
use roadbook_crash::stage::{Mood, Stage};
use roadbook_crash::writer::Writer;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// Power cuts and worse in one story.
const LIVES: u64 = 4;
const WRITERS: usize = 4;
const PEOPLE: u32 = 40;
const EVENTS: usize = 20;
/// Every client sends so often at most.
const PACE: Duration = Duration::from_millis(4);
/// A life that has not met its fate by then is killed.
const LIFE_MAX: Duration = Duration::from_secs(8);
/// After a failed sync the power goes much later, in case nobody minded; on a busy machine that takes its time.
const AFTER_FAILED_SYNC_MAX: Duration = Duration::from_secs(40);
/// A process that a failed sync or a full disk did not end.
const STILL_THERE: Duration = Duration::from_secs(3);
/// Small buffers, so that tables are written, merged and removed all the time; room enough by the real disk's count.
const SETTINGS: &str = "write_buffer_bytes = 4194304\ndisk_free_bytes_min = 1048576\n";
const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

/// What one story came to.
#[derive(Debug, Default)]
pub struct Story {
    /// Lives.
    pub lives: u64,
    /// Power cuts that came while the server was starting.
    pub cut_at_start: u64,
    /// Failed syncs, each of which ended the process.
    pub failed_syncs: u64,
    /// Full disks that ended the process.
    pub full: u64,
    /// Acknowledged events.
    pub acked: u64,
    /// Of them, those that are not there.
    pub lost: u64,
    /// Events that are there more than once.
    pub twice: u64,
    /// What the shim told.
    pub disk: Told,
    /// Everything that is wrong, in words.
    pub wrong: Vec<String>,
}

/// What all stories need.
pub struct Setting<'a> {
    /// The `roadbook` binary.
    pub program: &'a Path,
    /// The compiled shim.
    pub library: &'a Path,
    /// A folder of this story alone.
    pub folder: &'a Path,
    /// Environment of the server, beside the shim's.
    pub environment: &'a [(String, String)],
}

/// Plays one seed.
///
/// # Errors
/// What keeps the story from being told; what the server does wrong is told in it.
pub fn play(setting: &Setting<'_>, seed: u64) -> Result<Story> {
    let data = setting.folder.join("data");
    let config = setting.folder.join("roadbook.toml");
    fs::write(&config, SETTINGS)?;
    let bed = Bed::make(setting.library, &data)?;
    let mut random = SplitMix64(seed);
    let fate = Fate::draw(&mut random);
    let environment = with(setting, bed.environment(fate, random.next())?);
    let program = Program { path: setting.program.to_owned(), data, config: Some(config), environment };
    let mut host = Host::found(program).context("the first start, without a loss")?;
    let definitions = Definitions::publish(&host, false)?;
    let stage = Stage::new(host.server, host.keys.clone(), seed);
    let mut story = Story::default();
    bed.arm()?;
    let (lived, writers) = std::thread::scope(|scope| {
        let stage = &stage;
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| scope.spawn(move || Writer::new(number, stage, PEOPLE, EVENTS, PACE).work(stage)))
            .collect();
        let lived = story.live(setting, &bed, &mut host, fate, &mut random);
        stage.turn(if matches!(lived, Ok(true)) { Mood::Over } else { Mood::GivenUp });
        let writers: Vec<_> = writers.into_iter().filter_map(|writer| writer.join().ok()).collect();
        (lived, writers)
    });
    story.disk = bed.told();
    story.acked = writers.iter().map(|writer| writer.ledger.acked()).sum();
    if !lived? {
        return Ok(story);
    }
    story.audit(&mut host, &stage, &writers, &definitions)?;
    Ok(story)
}

fn with(setting: &Setting<'_>, shim: Vec<(String, String)>) -> Vec<(String, String)> {
    setting.environment.iter().cloned().chain(shim).collect()
}

impl Story {
    /// Waits until a life meets its fate.
    fn end(&mut self, host: &mut Host, fate: Fate) -> Result<()> {
        let life_max = match fate {
            Fate::Cut(_) | Fate::Full(_) => LIFE_MAX,
            Fate::FailedSync(..) => AFTER_FAILED_SYNC_MAX,
        };
        let ended = host.ended_within(life_max)?;
        let signal = ended.and_then(|status| status.signal());
        match (fate, signal) {
            (Fate::Cut(_), Some(SIGKILL)) => {}
            (Fate::FailedSync(..), Some(SIGABRT)) => self.failed_syncs += 1,
            (Fate::Full(_), Some(SIGABRT)) => self.full += 1,
            (Fate::FailedSync(..), Some(SIGKILL)) => {
                self.wrong.push(format!("a sync failed, and the process went on until the power went; {fate:?}"));
            }
            (Fate::Cut(_) | Fate::FailedSync(..) | Fate::Full(_), _) if ended.is_none() => {
                self.cut_short(host, fate)?
            }
            (Fate::Cut(_) | Fate::FailedSync(..) | Fate::Full(_), _) => {
                self.wrong.push(format!("{fate:?}: the process ended with {}; {}", shown(ended), host.log_tail()));
            }
        }
        Ok(())
    }

    /// It came to no file call it was to end at.
    fn cut_short(&mut self, host: &mut Host, fate: Fate) -> Result<()> {
        host.kill()?;
        if matches!(fate, Fate::Full(_)) {
            self.wrong.push(format!("{fate:?}: the process went on; {}", host.log_tail()));
        }
        Ok(())
    }

    /// One life after another; the last one meets nothing. `false`: the store is lost.
    fn live(
        &mut self,
        setting: &Setting<'_>,
        bed: &Bed,
        host: &mut Host,
        mut fate: Fate,
        random: &mut SplitMix64,
    ) -> Result<bool> {
        self.lives = 1;
        self.end(host, fate)?;
        while self.lives < LIVES {
            fate = Fate::draw(random);
            host.program.environment = with(setting, bed.environment(fate, random.next())?);
            self.lives += 1;
            let Err(error) = host.start() else {
                self.end(host, fate)?;
                continue;
            };
            let ended = host.ended_within(STILL_THERE)?;
            match ended.and_then(|status| status.signal()) {
                Some(SIGKILL | SIGABRT) => self.cut_at_start += 1,
                Some(_) | None => return self.unusable(&error, host),
            }
        }
        host.program.environment = setting.environment.to_vec();
        match host.start() {
            Ok(_) => Ok(true),
            Err(error) => self.unusable(&error, host),
        }
    }

    fn unusable(&mut self, error: &anyhow::Error, host: &mut Host) -> Result<bool> {
        let _ended = host.ended_within(STILL_THERE)?;
        self.wrong.push(format!("the store cannot be opened after a power cut: {error:#}"));
        Ok(false)
    }

    fn audit(&mut self, host: &mut Host, stage: &Stage, writers: &[Writer], definitions: &Definitions) -> Result<()> {
        Audit::wait_for_rest(host, definitions)?;
        let audit = Audit::of(host, stage, writers, definitions)?;
        self.lost += audit.lost;
        self.twice += audit.twice;
        self.wrong.extend(audit.wrong);
        for writer in writers {
            self.wrong.extend(writer.tally.wrong.iter().map(|(what, times)| format!("{times} times: {what}")));
        }
        host.stop()?;
        if let Some(words) = host.examine()? {
            self.wrong.push(format!("roadbook doctor: {words}"));
        }
        Ok(())
    }
}

fn shown(ended: Option<ExitStatus>) -> String {
    ended.map_or_else(|| "nothing".to_owned(), |status| status.to_string())
}
