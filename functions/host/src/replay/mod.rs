//! `roadbook replay`: a file of past events, played under a virtual clock.
//!
//! Lines are sorted by time (ties by line), cut into windows, and every window is delivered at once: customers do not
//! see each other, and inside a customer's turn events and timers run on one time line. Between windows the clock
//! moves and whoever is due is woken. Nothing is ever later than the virtual clock.

mod export;
mod sort;

use crate::assemble::{self, Host};
use crate::cli::Place;
use crate::{admin, config};
use anyhow::{Context, Result, bail};
use clap::Args;
use roadbook_catalog::Command as Catalog;
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Accepted, ManualClock, Message, Outcome, sweep};
use roadbook_send::Sender;
use roadbook_wire::{Inbound, LineReader, Mapping, time};
use serde::Deserialize;
use serde_json::Value;
use sort::{Sorted, Sorter};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Events delivered at once.
const WINDOW_EVENTS: usize = 32_768;

/// What to play, and where.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    /// How lines become events (TOML).
    #[arg(long)]
    mapping: PathBuf,
    /// The file of events.
    #[arg(long)]
    file: PathBuf,
    /// Segments and journeys to publish first (JSON: `{"segments": [{"name", "condition"}], "journeys": [{"name",
    /// "definition"}]}`).
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// The instant at which the clock stops (RFC 3339); the time of the last event if not given.
    #[arg(long)]
    until: Option<String>,
    /// Tenant id; may be left out where there is only one. An empty folder gets one.
    #[arg(long)]
    tenant: Option<String>,
    /// Write what became of every customer to this file, one JSON object per line.
    #[arg(long)]
    export: Option<PathBuf>,
    /// Print the summary as one JSON line.
    #[arg(long)]
    json: bool,
}

/// Definitions to publish before the first event.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Definitions {
    segments: Vec<SegmentDefinition>,
    journeys: Vec<JourneyDefinition>,
}

#[derive(Deserialize)]
struct SegmentDefinition {
    name: String,
    condition: Value,
}

#[derive(Deserialize)]
struct JourneyDefinition {
    name: String,
    definition: Value,
}

/// What a replay did.
#[derive(Default, serde::Serialize)]
struct Summary {
    lines: u64,
    events: u64,
    duplicates: u64,
    refused: u64,
    timers: u64,
    seconds: f64,
}

/// Plays a file.
///
/// # Errors
/// Files that cannot be read or mean nothing, naming the place; a fault of the store.
pub fn run(options: &Options) -> Result<()> {
    roadbook_observe::start(roadbook_observe::Format::Text, "warn");
    let began = Instant::now();
    let config = config::load(&options.place, None)?;
    let opened = assemble::open(&options.place.data, &config)?;
    let clock = Arc::new(ManualClock::at(Moment::MIN));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut summary = runtime.block_on(async {
        let host = assemble::assemble(&opened, config, clock.clone())?;
        let tenant = tenant(&host, options.tenant.as_deref()).await?;
        let mut replay = Replay::new(host, tenant, clock).await?;
        replay.play(options).await
    })?;
    summary.seconds = began.elapsed().as_secs_f64();
    if options.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!(
            "{} lines: {} events applied, {} known already, {} refused; {} timers fired; {:.2} s",
            summary.lines, summary.events, summary.duplicates, summary.refused, summary.timers, summary.seconds
        );
    }
    Ok(())
}

async fn tenant(host: &Host, named: Option<&str>) -> Result<TenantId> {
    // The virtual clock has not begun; a tenant made now would seem to be from the year 0, which harms nothing.
    admin::first_tenant(host).await?;
    let tenants = host.app.tenants.list().await?;
    match (named, &tenants[..]) {
        (Some(text), all) => {
            let id: TenantId = text.parse().with_context(|| format!("`{text}` is not a tenant id"))?;
            all.iter().any(|tenant| tenant.id == id).then_some(id).with_context(|| format!("there is no tenant {id}"))
        }
        (None, [only]) => Ok(only.id),
        (None, _) => bail!("there are several tenants; name one with --tenant"),
    }
}

struct Replay {
    host: Host,
    tenant: TenantId,
    clock: Arc<ManualClock>,
    relay: Relay,
    sender: Sender,
    summary: Summary,
}

impl Replay {
    async fn new(host: Host, tenant: TenantId, clock: Arc<ManualClock>) -> Result<Self> {
        host.lend_accounts(&host.app.tenants.list().await?)?;
        let relay = Relay::open(&host.app.engine).await?;
        let deliver = host.app.router.deliver().clone();
        let sender = Sender::new(host.app.engine.clone(), deliver, host.channel.clone());
        Ok(Self { host, tenant, clock, relay, sender, summary: Summary::default() })
    }

    async fn play(&mut self, options: &Options) -> Result<Summary> {
        let sorted = self.read(options)?;
        if let Some(path) = &options.catalog {
            self.publish(path, sorted.first().unwrap_or_default()).await?;
        }
        let until = match &options.until {
            Some(text) => time::read(text).with_context(|| format!("--until `{text}` is not an RFC 3339 time"))?,
            None => sorted.last().unwrap_or_default(),
        };
        let mut window = Vec::with_capacity(WINDOW_EVENTS);
        for event in sorted.merge()? {
            let event = event?;
            if event.occurred_at > until {
                break;
            }
            window.push(event);
            if window.len() == WINDOW_EVENTS {
                self.deliver(std::mem::take(&mut window)).await?;
            }
        }
        self.deliver(window).await?;
        self.advance(until).await?;
        if let Some(path) = &options.export {
            export::write(&self.host.app, self.tenant, path).await?;
        }
        Ok(std::mem::take(&mut self.summary))
    }

    /// Reads and sorts the file. A line that cannot be read stops the replay before anything is delivered.
    fn read(&mut self, options: &Options) -> Result<Sorted> {
        let text = std::fs::read_to_string(&options.mapping)
            .with_context(|| format!("cannot read the mapping {}", options.mapping.display()))?;
        let mapping = Mapping::parse(&text).with_context(|| format!("in {}", options.mapping.display()))?;
        let keys = self.host.app.engine.keys.of(self.tenant);
        let name = options.file.display();
        let file = || std::fs::File::open(&options.file).with_context(|| format!("cannot read {name}"));
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file()?)?;
        let hash = hasher.finalize().to_hex().to_string();
        let mut lines = BufReader::new(file()?).split(b'\n');
        let first = lines.next().transpose()?.unwrap_or_default();
        let reader = LineReader::new(&mapping, &first, &keys, &hash)?;
        let mut sorter = Sorter::new()?;
        let header = mapping.header;
        let all = std::iter::once(Ok(first)).chain(lines);
        for (line, number) in all.zip(1u64..) {
            let line = line?;
            if header && number == 1 {
                continue;
            }
            if let Some(inbound) = reader.read(&line, number).with_context(|| format!("in {name}"))? {
                self.summary.lines += 1;
                sorter.push(inbound, number)?;
            }
        }
        sorter.finish()
    }

    async fn publish(&self, path: &std::path::Path, at: Moment) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let definitions: Definitions = serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        let keys = self.host.app.engine.keys.of(self.tenant);
        for (place, segment) in definitions.segments.into_iter().enumerate() {
            let message = MessageId::from_u128(keys.derived(&[b"segment", segment.name.as_bytes()]).0);
            let id = keys.segment(at, message);
            let SegmentDefinition { name, condition } = segment;
            let draft = Catalog::CreateSegment { id, name, condition };
            self.tell(message, draft, at).await.with_context(|| format!("segment {place}"))?;
            self.tell(keys.replayed(message, 1), Catalog::PublishSegment { id }, at).await?;
        }
        for (place, journey) in definitions.journeys.into_iter().enumerate() {
            let message = MessageId::from_u128(keys.derived(&[b"journey", journey.name.as_bytes()]).0);
            let id = keys.journey(at, message);
            let JourneyDefinition { name, definition } = journey;
            let draft = Catalog::CreateJourney { id, name, definition };
            self.tell(message, draft, at).await.with_context(|| format!("journey {place}"))?;
            self.tell(keys.replayed(message, 1), Catalog::PublishJourney { id }, at).await?;
        }
        Ok(())
    }

    async fn tell(&self, id: MessageId, command: Catalog, at: Moment) -> Result<()> {
        let message = Message { id, accepted: at, occurred: at, position: 0, via: None, founding: false, command };
        let key = ActorKey::catalog(self.tenant);
        match self.host.app.router.deliver().catalog(key, message).await? {
            Outcome::Applied { .. } | Outcome::Duplicate { .. } => Ok(()),
            Outcome::Refused(refusal) => bail!("{refusal}{}", places(&refusal)),
            outcome @ (Outcome::Defect | Outcome::NotMine { .. }) => bail!("not applied: {outcome:?}"),
        }
    }

    async fn deliver(&mut self, window: Vec<Inbound>) -> Result<()> {
        let Some(last) = window.last().map(|event| event.occurred_at) else { return Ok(()) };
        let events: Vec<Accepted> = window
            .into_iter()
            .zip(0u32..)
            .map(|(event, position)| Accepted {
                id: event.message,
                accepted: event.occurred_at,
                occurred: event.occurred_at,
                position,
                observation: Arc::new(event.observation),
            })
            .collect();
        for outcome in self.host.app.router.observe(self.tenant, events).await {
            match outcome? {
                Outcome::Applied { .. } => self.summary.events += 1,
                Outcome::Duplicate { .. } => self.summary.duplicates += 1,
                Outcome::Refused(_) | Outcome::Defect | Outcome::NotMine { .. } => self.summary.refused += 1,
            }
        }
        // Strictly before the last event: one more event of that instant may follow in the next window.
        self.advance(last.minus_ms(1)).await
    }

    /// Moves the clock, wakes whoever is due, and lets out what they ask for.
    async fn advance(&mut self, to: Moment) -> Result<()> {
        self.clock.advance_to(to);
        let engine = self.host.app.engine.clone();
        let deliver = self.host.app.router.deliver().clone();
        sweep::drain(&engine, deliver.as_ref(), to).await?;
        while self.relay.pass(&engine, 4_096).await? > 0 {}
        loop {
            let worked = self.sender.work(4_096).await?;
            if worked.failed > 0 {
                bail!("{} messages could not be worked on; the log says why", worked.failed);
            }
            if worked.taken == 0 {
                break;
            }
        }
        while self.relay.pass(&engine, 4_096).await? > 0 {}
        self.summary.timers = engine.tally.timers.load(std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

fn places(refusal: &roadbook_kernel::Refusal) -> String {
    refusal.places.iter().map(|place| format!("\n  at {}: {}", place.pointer, place.detail)).collect()
}
