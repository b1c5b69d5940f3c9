//! `cargo xtask demo`: the product, a simulated WeCom and mini-program platform, and made-up customers.

mod definitions;
mod memory;
mod numbers;
mod people;
mod random;
mod traffic;

use crate::http::Client;
use crate::place::Place;
use crate::process::{self, Process};
use crate::run;
use anyhow::{Context, Result, bail};
use clap::Args;
use definitions::Definitions;
use memory::Memory;
use numbers::Numbers;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use traffic::{Parties, TICK_MS, Traffic, profile};

/// Seconds between two lines for somebody who watches.
const LINE_S: u64 = 5;
/// After the traffic ends, counters may trail this long before a disagreement is one.
const SETTLE: Duration = Duration::from_secs(15);

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
        let simulator = process::simulator(self.place, &self.folder.join("simulator.log"))?;
        let platform_url = simulator.told("base_url")?.to_owned();
        let platform = Client::new(&platform_url);
        let known = Memory::of(self.folder)?;
        // Before the server starts: messages that waited for it go out at once.
        for openid in known.iter().flat_map(|memory| &memory.granted) {
            traffic::grant(&platform, openid)?;
        }
        let mut command = process::server(self.place, &self.folder.join("data"), self.port, &platform_url)?;
        let mut server = Process::start("roadbook serve", &mut command, &self.folder.join("server.log"))?;
        let url = server.told("url")?.to_owned();
        let mut memory = known.map_or_else(|| Memory::begin(self.folder, &server), Ok)?;
        memory.save(memory::Done::default(), &memory.granted, false)?;
        let parties = Parties {
            ingestion: Client::new(&url).with_key(&memory.write_key),
            api: Client::new(&url).with_key(&memory.admin_key),
            platform,
        };
        let definitions = match memory.definitions.take() {
            Some(known) => known,
            None => Definitions::create(&parties.api)?,
        };
        memory.definitions = Some(definitions);
        memory.save(memory::Done::default(), &memory.granted, false)?;
        writeln!(out, "Roadbook serves {url}, run {} on {}", memory.run, self.folder.display())?;

        let scene = Scene { memory: &memory, parties: &parties, url: &url, platform_url: &platform_url };
        let mut traffic = Traffic::new(memory.run);
        self.until_told(&scene, &mut traffic, &mut server, out)?;
        let (numbers, disagreements) = scene.settle(&traffic)?;
        // Timers go on firing until the server has stopped; what they sent meanwhile counts for the next run too.
        server.stop()?;
        let late = parties.platform.expect("GET", "/_control/deliveries", None)?;
        let mut done = numbers.done(&traffic.tally);
        done.delivered = late.as_array().map_or(done.delivered, |all| all.len() as u64);
        simulator.stop()?;
        memory.save(done, &traffic.tally.granted, true)?;
        write!(out, "\n{}", numbers.summary(&traffic.tally, &memory, &disagreements))?;
        writeln!(out, "\nRun it again to go on with this folder; remove {} to begin anew.", self.folder.display())?;
        Ok(disagreements.is_empty())
    }

    /// Plays until the time is over or somebody presses Ctrl-C.
    #[expect(
        clippy::disallowed_methods,
        reason = "the customers live in real time, and nothing else is on this thread"
    )]
    fn until_told(
        &self,
        scene: &Scene<'_>,
        traffic: &mut Traffic,
        server: &mut Process,
        out: &mut dyn Write,
    ) -> Result<()> {
        let began = Instant::now();
        let mut line_s = LINE_S;
        let mut shown = false;
        while !self.stop.load(Ordering::Relaxed) {
            let elapsed = began.elapsed();
            if self.seconds.is_some_and(|seconds| elapsed.as_secs() >= seconds) {
                break;
            }
            if !server.is_running() {
                bail!("the server ended\n{}", run::tail(&server.log));
            }
            traffic.advance(elapsed.as_millis() as u64, scene.parties)?;
            if let Some(user) = traffic.tally.first_lead.as_ref().filter(|_| !shown) {
                scene.show_three_things(user, out)?;
                shown = true;
            }
            if elapsed.as_secs() >= line_s {
                writeln!(out, "{}", scene.numbers()?.line(elapsed.as_secs(), &traffic.tally))?;
                line_s = elapsed.as_secs() + LINE_S;
            }
            thread::sleep(Duration::from_millis(TICK_MS));
        }
        Ok(())
    }
}

struct Scene<'a> {
    memory: &'a Memory,
    parties: &'a Parties,
    url: &'a str,
    platform_url: &'a str,
}

impl Scene<'_> {
    fn definitions(&self) -> Result<&Definitions> {
        self.memory.definitions.as_ref().context("the definitions were created before the traffic began")
    }

    fn numbers(&self) -> Result<Numbers> {
        Numbers::read(self.parties, self.definitions()?)
    }

    fn show_three_things(&self, user: &str, out: &mut dyn Write) -> Result<()> {
        let id = profile(&self.parties.api, user)?;
        let (url, key) = (self.url, &self.memory.admin_key);
        let journey = &self.definitions()?.follow_up;
        let auth = format!("-H 'Authorization: Bearer {key}'");
        writeln!(out, "\nThree things to look at, in another terminal:")?;
        writeln!(out, "\n1. One customer, and everything that happened to them:")?;
        writeln!(out, "   curl -s {auth} {url}/v1/profiles/{id}")?;
        writeln!(out, "   curl -s {auth} {url}/v1/profiles/{id}/timeline")?;
        writeln!(out, "\n2. Who is where in the journey from lead to test drive:")?;
        writeln!(out, "   curl -s {auth} {url}/v1/journeys/{journey}/stats")?;
        writeln!(out, "\n3. What the platform delivered:")?;
        writeln!(out, "   curl -s {}/_control/deliveries\n", self.platform_url)?;
        Ok(())
    }

    /// Asks until everything agrees, or long enough.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server is another process: there is nothing to wait on but its answers"
    )]
    fn settle(&self, traffic: &Traffic) -> Result<(Numbers, Vec<String>)> {
        let began = Instant::now();
        loop {
            let numbers = self.numbers()?;
            let disagreements = numbers.disagreements(&traffic.tally, self.memory);
            if disagreements.is_empty() || began.elapsed() > SETTLE {
                return Ok((numbers, disagreements));
            }
            thread::sleep(Duration::from_millis(TICK_MS));
        }
    }
}
