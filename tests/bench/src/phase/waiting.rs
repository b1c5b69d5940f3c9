//! A million customers who wait: what they cost on the disk and in memory, and how fast a server is back.

use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, Recorder, SEED};
use crate::server::{Server, tail};
use crate::workload::{self, BATCH_EVENTS, Draw, Workload};
use crate::{generator, procfs};

const CUSTOMERS: usize = 1_000_000;
/// Batches under way while they are founded.
const CLIENTS: usize = 8;
/// How long the load runs before the server is killed in it.
const LOAD: Duration = Duration::from_secs(3);
/// Over this long nothing is due, and nothing should be done.
const IDLE: Duration = Duration::from_secs(5);
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["waiting_bytes", "waiting_rss_mb", "ready_s"];

/// Founds them, compacts, starts again, kills under load, starts again.
///
/// # Errors
/// Fails when a server does not start, an answer is not 200 before the kill, or the folder cannot be compacted.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let data = place.folder.join("waiting");
    let mut server = Server::start(&place.server, &data)?;
    found(&server).map_err(|error| server.explain(error))?;
    let at_rest = || -> Result<(u64, String)> { Ok((compact(&place.server, &data)?, examine(&place.server, &data)?)) };
    let (server, (at_rest, _)) = server.restart_after(&place.server, &data, at_rest)?;
    let (bytes, examined) = at_rest?;
    recorder.notes.push(examined);
    recorder.value("waiting_bytes", bytes as f64 / CUSTOMERS as f64);

    server.rest()?;
    let before = procfs::cpu(server.pid())?;
    std::thread::sleep(IDLE);
    let idle = procfs::cpu(server.pid())?.saturating_sub(before);
    recorder.value("waiting_rss_mb", procfs::rss_peak_mb(server.pid())?);

    let request = workload::batch(&server.host, &server.authorization);
    let (addr, mut batches) =
        (server.addr, Workload::new(request, Draw::PerEvent, CUSTOMERS as u64, SEED + 1, MESSAGES_APART));
    // The server is killed in the middle of it: how this load ends says nothing.
    let loading = std::thread::spawn(move || generator::run(addr, &mut batches, CLIENTS, CUSTOMERS).map(drop));
    std::thread::sleep(LOAD);
    let (server, ready) = server.restart(&place.server, &data)?;
    let _killed = loading.join();
    recorder.value("ready_s", ready.as_secs_f64());
    recorder.notes.push(format!(
        "a million who wait: {:.0} ms of CPU in {:.0} s in which nothing was due; {}",
        idle.as_secs_f64() * 1e3,
        IDLE.as_secs_f64(),
        parts(&data)
    ));
    drop(server);
    fs::remove_dir_all(&data).with_context(|| format!("remove {}", data.display()))
}

fn found(server: &Server) -> Result<()> {
    let definition = json!({
        "entry": { "event": "identify" }, "reentry": "once", "start": "wait",
        "nodes": { "wait": { "type": "wait", "duration": "P30D", "next": "over" }, "over": { "type": "exit" } }
    });
    server.publish("journeys", &json!({ "name": "a month", "definition": definition }))?;
    let request = workload::leads(&server.host, &server.authorization);
    let mut leads = Workload::new(request, Draw::EachNext, CUSTOMERS as u64, SEED, 0);
    let before = server.counters()?;
    generator::run(server.addr, &mut leads, CLIENTS, CUSTOMERS / BATCH_EVENTS)?.all_answered_200()?;
    server.counters_after(before, CUSTOMERS)?;
    server.rest()?;
    Ok(())
}

/// `roadbook compact`, then the bytes of everything in the folder.
fn compact(program: &Path, data: &Path) -> Result<u64> {
    let started = Instant::now();
    let run = Command::new(program).arg("compact").arg("--data").arg(data).output().context("run roadbook compact")?;
    if !run.status.success() {
        bail!("roadbook compact failed after {:?}: {}", started.elapsed(), tail(&run.stderr));
    }
    folder_bytes(data)
}

/// `roadbook doctor`: how long, and how much memory at most.
fn examine(program: &Path, data: &Path) -> Result<String> {
    let started = Instant::now();
    let mut doctor = Command::new(program)
        .arg("doctor")
        .arg("--data")
        .arg(data)
        .stdout(Stdio::null())
        .spawn()
        .context("run roadbook doctor")?;
    let mut peak_mb = 0.0_f64;
    let status = loop {
        if let Some(status) = doctor.try_wait()? {
            break status;
        }
        // It may end in between; what was read before stands.
        peak_mb = procfs::rss_peak_mb(doctor.id()).map_or(peak_mb, |now| peak_mb.max(now));
        std::thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("roadbook doctor found something wrong after {:?}: {status}", started.elapsed());
    }
    Ok(format!("a million examined: {:.0} s, {peak_mb:.0} MB", started.elapsed().as_secs_f64()))
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { folder_bytes(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

/// Where the bytes are, the largest folders first.
fn parts(data: &Path) -> String {
    let mut parts = Vec::new();
    collect(data, data, 3, &mut parts);
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown = parts.iter().take(6).map(|(name, bytes)| format!("{name} {} MB", bytes / 1_000_000));
    shown.collect::<Vec<_>>().join(", ")
}

fn collect(root: &Path, folder: &Path, depth: u32, parts: &mut Vec<(String, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match entry.metadata() {
            Ok(about) if about.is_dir() && depth > 1 => collect(root, &path, depth - 1, parts),
            Ok(about) if about.is_dir() => parts.push((name, folder_bytes(&path).unwrap_or(0))),
            Ok(about) => parts.push((name, about.len())),
            Err(_) => {}
        }
    }
}
