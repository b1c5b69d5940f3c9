//! `cargo xtask demo`: the product with two car makers, a simulated WeCom and mini-program platform, and made-up
//! customers: three years of them at once, and then more every second.
//!
//! | question | file |
//! | --- | --- |
//! | Which car makers, which stores? | `brands.rs` |
//! | How often does anybody do anything? | `chances.rs` |
//! | What does a customer do? | `people.rs`; those whose lives are told: `stories.rs` |
//! | Which segments and journeys? | `definitions.rs` |
//! | Who works there, and looks at what? | `jobs.rs` |
//! | What is sent when? | `traffic.rs` |
//! | Does everything add up? | `numbers.rs` |

mod brands;
mod chances;
mod definitions;
mod jobs;
mod memory;
mod numbers;
mod people;
mod random;
mod stories;
mod traffic;

use crate::http::Client;
use crate::place::Place;
use crate::process::{self, Process};
use crate::run;
use anyhow::{Context, Result, bail};
use brands::BRANDS;
use clap::Args;
use definitions::Definitions;
use memory::{Done, Kept, Memory};
use numbers::Numbers;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use traffic::{Party, TICK_MS, Tally, Traffic};

/// Seconds between two lines for somebody who watches.
const LINE_S: u64 = 5;
/// After the traffic ends, counters may trail this long before a disagreement is one.
const SETTLE: Duration = Duration::from_secs(20);

/// How long, and where.
#[derive(Args)]
pub struct Options {
    /// End by itself after so many seconds; the exit code says whether the numbers add up. Without it: until Ctrl-C.
    #[arg(long)]
    seconds: Option<u64>,
    /// Port of the server; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder of the demo; a second run goes on with what is in it [default: target/demo].
    #[arg(long)]
    data: Option<PathBuf>,
}

/// What came of a demo.
pub struct Report {
    /// Whether all numbers agree.
    pub consistent: bool,
    /// Everything that was printed.
    pub text: String,
}

/// The verb. `false` where the numbers do not add up.
///
/// # Errors
/// What does not build or start, or ends too early.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    eprintln!("building roadbook and the platform simulator (some minutes the first time)");
    run::openly(&mut place.build_programs())?;
    let folder = match &options.data {
        Some(folder) => std::path::absolute(folder)?,
        None => place.target.join("demo"),
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("listen for Ctrl-C")?;
    }
    let demo = Demo { place, folder: &folder, port: options.port, seconds: options.seconds, stop };
    demo.play(&mut std::io::stdout())
}

/// The demo as a test: on a free port, for so many seconds, printing nothing. The programs are built already.
///
/// # Errors
/// What does not start, or ends too early.
pub fn play_quietly(place: &Place, folder: &Path, seconds: u64) -> Result<Report> {
    let mut text = Vec::new();
    let demo = Demo { place, folder, port: 0, seconds: Some(seconds), stop: Arc::default() };
    let consistent = demo.play(&mut text)?;
    Ok(Report { consistent, text: String::from_utf8_lossy(&text).into_owned() })
}

struct Demo<'a> {
    place: &'a Place,
    folder: &'a Path,
    port: u16,
    seconds: Option<u64>,
    stop: Arc<AtomicBool>,
}

impl Demo<'_> {
    fn play(&self, out: &mut dyn Write) -> Result<bool> {
        fs::create_dir_all(self.folder).with_context(|| format!("make {}", self.folder.display()))?;
        let simulator = self.simulator()?;
        let platform_url = simulator.told("base_url")?.to_owned();
        let platform = Client::new(&platform_url);
        let mut memory = match Memory::of(self.folder)? {
            Some(known) => known,
            None => Memory::begin(self.folder, self.found_tenants()?),
        };
        // Before the server starts: messages that waited for it go out at once.
        memory.granted.iter().try_for_each(|openid| traffic::grant(&platform, openid))?;
        let data = self.folder.join("data");
        let mut command = process::server_for(self.place, &data, self.port, &platform_url, &accounts(&memory))?;
        // Everything here comes from one address and in a hurry.
        command.env("ROADBOOK_RATE_LIMIT_PER_MINUTE", "0");
        let mut server = Process::start("roadbook serve", &mut command, &self.folder.join("server.log"))?;
        let url = server.told("url")?.to_owned();
        memory.save(&[], 0, &memory.granted, false)?;
        let parties = self.parties(&mut memory, &url)?;
        memory.save(&[], 0, &memory.granted, false)?;
        writeln!(out, "Roadbook serves {url}, run {} on {}", memory.run, self.folder.display())?;

        let scene = Scene { memory: &memory, parties: &parties, platform: &platform, url: &url };
        let mut traffic = scene.past(out)?;
        scene.show(&platform_url, out)?;
        self.until_told(&scene, &mut traffic, &mut server, out)?;
        let (numbers, disagreements) = scene.settle(&traffic)?;
        // Timers go on firing until the server has stopped; what they sent meanwhile counts for the next run too.
        server.stop()?;
        let late = platform.expect("GET", "/_control/deliveries", None)?;
        let delivered = late.as_array().map_or(numbers.delivered, |all| all.len() as u64);
        simulator.stop()?;
        let tallies: Vec<&Tally> = traffic.iter().map(|one| &one.tally).collect();
        let done: Vec<Done> =
            tallies.iter().map(|tally| Done { visitors: tally.visitors, leads: tally.leads }).collect();
        let granted: Vec<String> = tallies.iter().flat_map(|tally| tally.granted.clone()).collect();
        memory.save(&done, delivered, &granted, true)?;
        write!(out, "\n{}", numbers.summary(&parties, &tallies, &memory, &disagreements))?;
        writeln!(out, "\nRun it again to go on with this folder; remove {} to begin anew.", self.folder.display())?;
        Ok(disagreements.is_empty())
    }

    /// The platform, with the accounts of both car makers.
    fn simulator(&self) -> Result<Process> {
        let mut command = self.place.command(self.place.simulator());
        command.args(["--port", "0"]);
        for brand in &BRANDS {
            command.args(["--corp-app", &format!("{}:{}:{}", brand.corp, brand.corp_secret(), brand.agent)]);
            command.args(["--mini-program", &format!("{}:{}", brand.appid, brand.app_secret())]);
        }
        Process::start("the platform simulator", &mut command, &self.folder.join("simulator.log"))
    }

    /// Creates both tenants, in a folder that nobody serves yet.
    fn found_tenants(&self) -> Result<Vec<Kept>> {
        let data = self.folder.join("data");
        let found = |brand: &brands::Brand| {
            let mut command = self.place.command(self.place.roadbook());
            command.args(["tenants", "create", brand.name, "--data"]).arg(&data);
            let made: serde_json::Value = serde_json::from_str(&run::answer(&mut command)?)?;
            let told = |name: &str| {
                made[name].as_str().map(str::to_owned).with_context(|| format!("a new tenant has no `{name}`"))
            };
            Ok(Kept {
                code: brand.code.to_owned(),
                tenant: told("tenant")?,
                admin_key: told("admin_key")?,
                write_key: told("write_key")?,
                password: password()?,
                definitions: serde_json::Value::Null,
                before: Done::default(),
            })
        };
        BRANDS.iter().map(found).collect::<Result<_>>().with_context(|| {
            format!("the keys to {} are lost if there is a store; remove the folder to begin anew", data.display())
        })
    }

    /// The car makers with their definitions and their people, which the first run creates.
    fn parties(&self, memory: &mut Memory, url: &str) -> Result<Vec<Party>> {
        let mut parties = Vec::new();
        for (brand, kept) in BRANDS.iter().zip(&mut memory.kept) {
            let api = Client::new(url).with_key(&kept.admin_key);
            let definitions = match kept.definitions()? {
                Some(known) => known,
                None => {
                    jobs::hire(&api, brand, &kept.password)?;
                    Definitions::create(&api, brand)?
                }
            };
            kept.definitions = definitions.to_json();
            parties.push(Party { brand, ingestion: Client::new(url).with_key(&kept.write_key), api, definitions });
        }
        Ok(parties)
    }

    /// Plays until the time is over or somebody presses Ctrl-C.
    #[expect(
        clippy::disallowed_methods,
        reason = "the customers live in real time, and nothing else is on this thread"
    )]
    fn until_told(
        &self,
        scene: &Scene<'_>,
        traffic: &mut [Traffic],
        server: &mut Process,
        out: &mut dyn Write,
    ) -> Result<()> {
        let began = Instant::now();
        let mut line_s = LINE_S;
        while !self.stop.load(Ordering::Relaxed) {
            let elapsed = began.elapsed();
            if self.seconds.is_some_and(|seconds| elapsed.as_secs() >= seconds) {
                break;
            }
            if !server.is_running() {
                bail!("the server ended\n{}", run::tail(&server.log));
            }
            for (traffic, party) in traffic.iter_mut().zip(scene.parties) {
                traffic.advance(elapsed.as_millis() as u64, unix_ms(), party, scene.platform)?;
            }
            if elapsed.as_secs() >= line_s {
                let tallies: Vec<&Tally> = traffic.iter().map(|one| &one.tally).collect();
                writeln!(out, "{}", scene.numbers()?.line(elapsed.as_secs(), &tallies))?;
                line_s = elapsed.as_secs() + LINE_S;
            }
            thread::sleep(Duration::from_millis(TICK_MS));
        }
        Ok(())
    }
}

/// The accounts of both car makers, each lent to its tenant.
fn accounts(memory: &Memory) -> String {
    let one = |(brand, kept): (&brands::Brand, &Kept)| {
        format!(
            "[[corps]]\ncorp = \"{}\"\nagent = {}\nsecret = \"{}\"\ntenant = \"{tenant}\"\n\n[[miniprograms]]\nappid = \
             \"{}\"\nsecret = \"{}\"\ntenant = \"{tenant}\"\n\n",
            brand.corp,
            brand.agent,
            brand.corp_secret(),
            brand.appid,
            brand.app_secret(),
            tenant = kept.tenant,
        )
    };
    BRANDS.iter().zip(&memory.kept).map(one).collect()
}

/// A password for people who do not exist, on a machine that is not reachable; drawn all the same.
fn password() -> Result<String> {
    let mut bytes = [0u8; 9];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("draw a password")?;
    Ok(format!("demo-{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

struct Scene<'a> {
    memory: &'a Memory,
    parties: &'a [Party],
    platform: &'a Client,
    url: &'a str,
}

impl Scene<'_> {
    fn numbers(&self) -> Result<Numbers> {
        Numbers::read(self.parties, self.platform)
    }

    /// The traffic of both, with everybody of the past played in the first run.
    fn past(&self, out: &mut dyn Write) -> Result<Vec<Traffic>> {
        let first = self.memory.run == 1;
        let mut all = Vec::new();
        for party in self.parties {
            let mut traffic = Traffic::new(party.brand, self.memory.run, if first { chances::PAST_PEOPLE } else { 0 });
            if first {
                traffic.play_past(unix_ms(), party, self.platform)?;
                let tally = &traffic.tally;
                let (sent, people) = (tally.sent, tally.visitors);
                writeln!(out, "{}: {sent} events of {people} people in three years", party.brand.name)?;
            }
            all.push(traffic);
        }
        Ok(all)
    }

    fn show(&self, platform_url: &str, out: &mut dyn Write) -> Result<()> {
        for (party, kept) in self.parties.iter().zip(&self.memory.kept) {
            out.write_all(jobs::tour(party, self.url, &kept.password)?.as_bytes())?;
        }
        writeln!(out, "\nWhat the simulated platform delivered: curl -s {platform_url}/_control/deliveries\n")?;
        Ok(())
    }

    /// Asks until everything agrees, or long enough.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server is another process: there is nothing to wait on but its answers"
    )]
    fn settle(&self, traffic: &[Traffic]) -> Result<(Numbers, Vec<String>)> {
        let tallies: Vec<&Tally> = traffic.iter().map(|one| &one.tally).collect();
        let began = Instant::now();
        loop {
            let numbers = self.numbers()?;
            let disagreements = numbers.disagreements(&tallies, self.memory);
            if disagreements.is_empty() || began.elapsed() > SETTLE {
                return Ok((numbers, disagreements));
            }
            thread::sleep(Duration::from_millis(TICK_MS));
        }
    }
}
