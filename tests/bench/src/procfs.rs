//! What Linux tells about processes and the machine under `/proc`: CPU, memory, written bytes.
//!
//! Read as text, because `getrusage` of a child that still runs does not exist and the workspace has no unsafe code.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks per second of the times in `/proc/PID/stat`: USER_HZ, 100 in the kernel's interface on every architecture
/// Rust calls tier 1, whatever the kernel's own HZ. One tick of 10 ms is therefore the resolution of every CPU
/// figure; the loads are long enough to make that less than one per cent.
const TICKS_PER_S: u64 = 100;

/// CPU of this process so far, user and system, all threads.
///
/// # Errors
/// Fails where there is no Linux `/proc`.
pub fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

/// CPU of process `pid` so far, user and system, all threads.
///
/// # Errors
/// Fails when the process is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    cpu_of(&pid.to_string())
}

fn cpu_of(process: &str) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path} (the bench needs Linux)"))?;
    let ticks = stat_ticks(&text).with_context(|| format!("{path} has an unknown form"))?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_S))
}

/// utime + stime, fields 14 and 15. The second field is the command in parentheses and may hold spaces and
/// parentheses itself, so counting begins after the last one.
fn stat_ticks(stat: &str) -> Option<u64> {
    let (_, after_command) = stat.rsplit_once(") ")?;
    let mut fields = after_command.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Highest resident memory of process `pid` since its start, MB (10^6 bytes).
///
/// The kernel's own high-water mark: unlike samples it cannot miss a peak.
///
/// # Errors
/// Fails when the process is gone.
pub fn rss_peak_mb(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let kib = field(&text, "VmHWM:").with_context(|| format!("{path} has no VmHWM"))?;
    Ok(kib as f64 * 1_024.0 / 1e6)
}

/// Resident memory of process `pid` now, MB (10^6 bytes).
///
/// # Errors
/// Fails when the process is gone.
pub fn rss_mb(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let kib = field(&text, "VmRSS:").with_context(|| format!("{path} has no VmRSS"))?;
    Ok(kib as f64 * 1_024.0 / 1e6)
}

/// Bytes process `pid` has caused to be written to a disk, from `/proc/PID/io`.
///
/// # Errors
/// Fails when the process is gone or belongs to another user.
pub fn written_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/io");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    field(&text, "write_bytes:").with_context(|| format!("{path} has no write_bytes"))
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// CPU time of the whole machine since boot, all cores together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineCpu {
    /// Idle, waiting for a disk included.
    pub idle: Duration,
    /// Taken away by the hypervisor for other guests.
    pub stolen: Duration,
}

/// Reads [`MachineCpu`] from `/proc/stat`.
///
/// # Errors
/// Fails where there is no Linux `/proc`.
pub fn machine_cpu() -> Result<MachineCpu> {
    let text = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    machine_ticks(&text).context("/proc/stat has an unknown form")
}

/// The fields of the line `cpu`: user nice system idle iowait irq softirq steal.
fn machine_ticks(stat: &str) -> Option<MachineCpu> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let time = |ticks: u64| Duration::from_millis(ticks * 1_000 / TICKS_PER_S);
    Some(MachineCpu { idle: time(ticks.get(3)? + ticks.get(4)?), stolen: time(*ticks.get(7)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_command_with_parentheses() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 700 31 0 0 20 0 4 0 99";
        assert_eq!(stat_ticks(stat), Some(731));
        assert_eq!(stat_ticks("42 (x) S 1 2"), None);
    }

    #[test]
    fn machine_time_counts_waiting_for_the_disk_as_idle() {
        let cpu = machine_ticks("cpu  10 0 20 400 50 1 2 30 0 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(cpu, MachineCpu { idle: Duration::from_millis(4_500), stolen: Duration::from_millis(300) });
    }

    #[test]
    fn own_figures_can_be_read_here() {
        let pid = std::process::id();
        assert!(cpu(pid).is_ok());
        assert!(rss_peak_mb(pid).unwrap() > 0.0);
        assert!(written_bytes(pid).is_ok());
    }
}
