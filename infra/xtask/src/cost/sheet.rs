//! From counts and prices to dollars. Arithmetic only, so that a reader can follow it.

use super::prices::Prices;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The event mix: of a million events so many name no rule, change one trait, change one segment, end in a message
/// after a wait.
pub const MIX: [(&str, f64); 4] = [("page", 0.70), ("trait", 0.20), ("segment", 0.08), ("message", 0.02)];
/// Events of a batch, and the customers they are of.
const BATCH: f64 = 20.0;
const CUSTOMERS: f64 = 5.0;
/// Minutes of a month.
const MINUTES: f64 = 43_800.0;
/// Bytes that DynamoDB stores with an item and with an entry of an index, besides their own.
const OVERHEAD: f64 = 100.0;
const MILLION: f64 = 1e6;

/// What nobody can count here.
#[derive(Clone)]
pub struct Assumed {
    /// Messages that one receive of a queue brings, where events come one by one.
    received_together: f64,
    /// Turns in one batch of the stream.
    carried_together: f64,
    /// Milliseconds a function waits for an answer of DynamoDB or SQS.
    wait_ms: f64,
    /// Memory of the function that answers HTTP, and of the others: the template's.
    api_mb: f64,
    worker_mb: f64,
    /// What the service writes about an invocation, which the template turns off, and the gateway about a request.
    platform_log_bytes: f64,
    access_log_bytes: f64,
    /// The share of invocations that is traced: 0.0 where the stack's `Traces` is on.
    traced: f64,
}

impl Default for Assumed {
    fn default() -> Self {
        Self {
            received_together: 1.0,
            carried_together: 10.0,
            wait_ms: 5.0,
            api_mb: 1024.0,
            worker_mb: 512.0,
            platform_log_bytes: 0.0,
            access_log_bytes: 300.0,
            traced: 0.0,
        }
    }
}

impl Assumed {
    fn fields(&mut self) -> [(&'static str, &mut f64); 8] {
        [
            ("received_together", &mut self.received_together),
            ("carried_together", &mut self.carried_together),
            ("wait_ms", &mut self.wait_ms),
            ("api_mb", &mut self.api_mb),
            ("worker_mb", &mut self.worker_mb),
            ("platform_log_bytes", &mut self.platform_log_bytes),
            ("access_log_bytes", &mut self.access_log_bytes),
            ("traced", &mut self.traced),
        ]
    }

    /// Says another number; `false` where none has this name.
    pub fn set(&mut self, name: &str, number: f64) -> bool {
        let found = self.fields().into_iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| *field = number).is_some()
    }

    /// All of them.
    pub fn json(&self) -> Value {
        self.clone().fields().into_iter().map(|(name, number)| (name.to_owned(), json!(*number))).collect()
    }
}

/// Dollars per million events, by what they are paid for.
pub type Parts = Vec<(&'static str, f64)>;

/// The figures.
pub struct Sheet {
    /// Key and value of everything that has a name.
    pub figures: Vec<(&'static str, f64)>,
    /// One by one, and in batches.
    pub single: Parts,
    pub batch20: Parts,
}

impl Sheet {
    /// Puts prices to counts.
    ///
    /// # Errors
    /// A count or a price that is missing.
    pub fn of(counted: &Value, prices: &Prices, assumed: &Assumed) -> Result<Self> {
        let desk = Desk { turns: &counted["turns"], functions: &counted["functions"], prices, assumed };
        let (single, batch20) = (desk.single()?, desk.batch20()?);
        let sum = |parts: &Parts| parts.iter().map(|(_, usd)| usd).sum::<f64>();
        let turns = |name: &'static str| Ok::<_, anyhow::Error>((name, number(&counted["turns"], name)?));
        let figures = vec![
            turns("wru_event_p50")?,
            turns("wru_step_p50")?,
            turns("wru_first_p50")?,
            turns("requests_per_event")?,
            turns("requests_per_event_burst10")?,
            ("usd_per_million_single", sum(&single)),
            ("usd_per_million_batch20", sum(&batch20)),
            ("usd_journey10_ratio", desk.journey_ratio()?),
            ("usd_idle_10m", desk.idle(10.0 * MILLION)?),
            ("zip_mb", number(counted, "zip_mb")?),
            ("init_extra_cpu_ms", number(&counted["functions"], "init_extra_cpu_ms")?),
        ];
        Ok(Self { figures, single, batch20 })
    }

    /// Every figure under its key.
    pub fn json(&self) -> Value {
        let mut all: Value = self.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        for (name, parts) in [("single", &self.single), ("batch20", &self.batch20)] {
            let parts: Value = parts.iter().map(|(name, usd)| ((*name).to_owned(), json!(usd))).collect();
            all["usd_per_million"][name] = parts;
        }
        all
    }
}

fn number(of: &Value, name: &str) -> Result<f64> {
    of[name].as_f64().with_context(|| format!("`{name}` was not counted"))
}

/// Everything at hand.
struct Desk<'a> {
    turns: &'a Value,
    functions: &'a Value,
    prices: &'a Prices,
    assumed: &'a Assumed,
}

/// Invocations and what they ask for, per event.
#[derive(Default)]
struct Calls {
    requests: f64,
    api: f64,
    workers: f64,
    api_ms: f64,
    worker_ms: f64,
    fifo: f64,
    queue: f64,
    log_bytes: f64,
}

impl Desk<'_> {
    /// Dollars for the units of some events: before the answer, or behind it.
    fn units(&self, of: &Value) -> Result<f64> {
        let writes = number(of, "write_units")? + number(of, "index_units")?;
        let reads = number(of, "read_units")?;
        let (read, write) = (self.prices.usd("read_units_million")?, self.prices.usd("write_units_million")?);
        Ok(reads * read + writes * write)
    }

    /// Milliseconds that are billed: a share of a CPU comes with the memory, and waiting is paid like working.
    fn billed(&self, cpu_ms: f64, mb: f64, requests: f64) -> f64 {
        const MB_OF_ONE_CPU: f64 = 1_769.0;
        cpu_ms * (MB_OF_ONE_CPU / mb).max(1.0) + requests * self.assumed.wait_ms
    }

    fn function(&self, name: &str) -> Result<Option<(f64, f64)>> {
        let of = &self.functions[name];
        if of.is_null() {
            return Ok(None);
        }
        Ok(Some((number(of, "cpu_ms")?, number(of, "log_bytes")?)))
    }

    /// Dollars for a million events whose calls these are.
    fn calls(&self, calls: &Calls) -> Result<Parts> {
        let usd = |name: &str| self.prices.usd(name);
        let gb = |ms: f64, mb: f64| ms / 1_000.0 * mb / 1_024.0 * MILLION;
        let seconds = gb(calls.api_ms, self.assumed.api_mb) + gb(calls.worker_ms, self.assumed.worker_mb);
        let invocations = calls.api + calls.workers;
        let bytes = calls.log_bytes
            + invocations * self.assumed.platform_log_bytes
            + calls.requests * self.assumed.access_log_bytes;
        Ok(vec![
            ("http_api", calls.requests * usd("http_requests_million")?),
            ("lambda_requests", invocations * usd("lambda_requests_million")?),
            ("lambda_seconds", seconds * usd("lambda_gb_second")?),
            ("queues", calls.fifo * usd("fifo_requests_million")? + calls.queue * usd("queue_requests_million")?),
            ("logs", bytes * MILLION / 1e9 * usd("log_gb")?),
            ("traces", invocations * self.assumed.traced * usd("traces_million")?),
        ])
    }

    /// One function answers and the turn is in it, or a queue stands between and another takes the turn.
    fn front(&self, name: &str, per_request: f64, messages: f64, requests: f64) -> Result<Calls> {
        let (cpu, log) = self.function(&format!("api_{name}"))?.context("the function api was not measured")?;
        let share = 1.0 / per_request;
        let mut calls = Calls { requests: share, api: share, log_bytes: log * share, ..Calls::default() };
        let Some((inbox_cpu, inbox_log)) = self.function(&format!("inbox_{name}"))? else {
            calls.api_ms = self.billed(cpu, self.assumed.api_mb, requests) * share;
            return Ok(calls);
        };
        calls.api_ms = self.billed(cpu, self.assumed.api_mb, 1.0) * share;
        // Sent at once, received as the queue gives them, deleted as they were received.
        let receives = messages * share / self.received(per_request);
        calls.fifo = share + 2.0 * receives;
        calls.workers = receives;
        calls.worker_ms = self.billed(inbox_cpu * messages, self.assumed.worker_mb, requests) * share;
        calls.log_bytes += inbox_log * messages * share;
        Ok(calls)
    }

    fn received(&self, per_request: f64) -> f64 {
        if per_request > 1.0 { CUSTOMERS } else { self.assumed.received_together }
    }

    /// Adds the relay, and what timers and sends ask for.
    fn behind(&self, calls: &mut Calls, turns: f64, timers: f64, sends: f64) -> Result<()> {
        let (cpu, log) = self.function("relay")?.context("the relay was not measured")?;
        let measured = number(self.functions, "relay_turns")?;
        let batches = turns / self.assumed.carried_together;
        calls.workers += batches;
        calls.worker_ms +=
            self.billed(cpu / measured * self.assumed.carried_together, self.assumed.worker_mb, 2.0) * batches;
        calls.log_bytes += log / measured * turns;
        // A poke and a send each go through a queue of their own where there are queues, and through a function.
        let queued = if self.functions["inbox_single"].is_null() { 0.0 } else { 3.0 };
        calls.queue += queued * (timers + sends);
        calls.workers += timers + sends;
        calls.worker_ms += self.billed(cpu / measured, self.assumed.worker_mb, 3.0) * (timers + sends);
        Ok(())
    }

    fn single(&self) -> Result<Parts> {
        let (mut front, mut behind, mut turns, mut timers, mut requests) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (name, share) in MIX {
            let kind = &self.turns["kinds"][name];
            front += share * self.units(&kind["front"])?;
            behind += share * self.units(&kind["behind"])?;
            turns += share * number(kind, "turns")?;
            timers += share * number(kind, "timers")?;
            requests += share * number(&kind["front"], "requests")?;
        }
        let mut calls = self.front("single", 1.0, 1.0, requests)?;
        self.behind(&mut calls, turns, timers, MIX[3].1)?;
        self.parts(front, behind, &calls)
    }

    fn batch20(&self) -> Result<Parts> {
        let kind = &self.turns["batch20"];
        let (front, behind) = (self.units(&kind["front"])?, self.units(&kind["behind"])?);
        let requests = number(&kind["front"], "requests")? * BATCH;
        let mut calls = self.front("batch20", BATCH, CUSTOMERS, requests)?;
        self.behind(&mut calls, number(kind, "turns")?, number(kind, "timers")?, MIX[3].1)?;
        self.parts(front, behind, &calls)
    }

    fn parts(&self, front: f64, behind: f64, calls: &Calls) -> Result<Parts> {
        let mut parts = vec![("dynamodb_turns", front), ("dynamodb_relay_timers_sends", behind)];
        parts.extend(self.calls(calls)?);
        Ok(parts)
    }

    /// How much dearer a workflow is than a journey of ten waits, each with something done at its end: two transitions
    /// for each, a wait and a task. What the tasks would cost besides is left out.
    fn journey_ratio(&self) -> Result<f64> {
        const STEPS: f64 = 10.0;
        const TRANSITIONS: f64 = 2.0 * STEPS;
        let kind = &self.turns["journey10"];
        let mut calls = Calls::default();
        self.behind(&mut calls, STEPS + 1.0, STEPS, 0.0)?;
        let parts = self.parts(self.units(&kind["front"])?, self.units(&kind["behind"])?, &calls)?;
        let ours: f64 = parts.iter().map(|(_, usd)| usd).sum();
        Ok(TRANSITIONS * self.prices.usd("transitions_million")? / ours)
    }

    /// A month of so many customers who wait: their rows, two claims each, their places in the due index, all of it
    /// recoverable to any second; and the sweep, which asks whether somebody is due.
    fn idle(&self, customers: f64) -> Result<f64> {
        let item = |name: &str| Ok::<_, anyhow::Error>(number(self.turns, name)? + OVERHEAD);
        let table = item("waiting_row_bytes_p50")? + 2.0 * item("claim_bytes")?;
        let gb = |bytes: f64| bytes * customers / 1e9;
        let stored = gb(table + item("index_bytes")?) * self.prices.usd("table_gb_month")?;
        let recoverable = gb(table) * self.prices.usd("recovery_gb_month")?;
        let asked = self.units(&self.turns["tick"])? * MINUTES / MILLION;
        Ok(stored + recoverable + asked)
    }
}
