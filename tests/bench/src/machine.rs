//! Names the machine a table was measured on: a number without it cannot be compared.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// The machine, as far as `/proc` tells; unknown parts are the word `unknown`.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: usize,
    /// CPU model name.
    pub cpu: String,
    /// Memory, MB (10^6 bytes).
    pub memory_mb: u64,
    /// Kernel release.
    pub kernel: String,
    /// File system type and device of the folder the stores lay in.
    pub disk: String,
    /// Load average of the last minute when the bench began; above about 0.3 the machine was not quiet.
    pub load_1m: String,
}

impl Machine {
    /// Describes this machine and the file system below `folder`.
    pub fn describe(folder: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            memory_mb: value_of(&read("/proc/meminfo"), "MemTotal")
                .and_then(|value| value.split(' ').next()?.parse::<u64>().ok())
                .map_or(0, |kib| kib * 1_024 / 1_000_000),
            kernel: Some(read("/proc/sys/kernel/osrelease").trim().to_owned())
                .filter(|release| !release.is_empty())
                .unwrap_or_else(unknown),
            disk: disk_of(&read("/proc/self/mountinfo"), folder).unwrap_or_else(unknown),
            load_1m: read("/proc/loadavg")
                .split(' ')
                .next()
                .filter(|load| !load.is_empty())
                .unwrap_or("unknown")
                .into(),
        }
    }

    /// True when the folder lies in memory, where fdatasync costs nothing and proves nothing.
    pub fn disk_is_memory(&self) -> bool {
        ["tmpfs", "ramfs"].iter().any(|kind| self.disk.starts_with(kind))
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cores, cpu, memory_mb, kernel, disk, load_1m } = self;
        let gb = *memory_mb as f64 / 1e3;
        write!(f, "{cores} cores, {cpu}, {gb:.1} GB, Linux {kernel}, {disk}, load {load_1m} at the start")
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn value_of(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// `ext4 on /dev/vda`: the mount with the longest path above `folder`; of equally long ones the last covers the rest.
fn disk_of(mountinfo: &str, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let above = mountinfo.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        let mut kind = kind.split(' ');
        folder.starts_with(point).then_some((point.len(), format!("{} on {}", kind.next()?, kind.next()?)))
    });
    above.max_by_key(|(depth, _)| *depth).map(|(_, disk)| disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_names_the_disk() {
        let mounts = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                      2 1 0:5 / /proc rw - proc proc rw\n\
                      3 1 0:6 / /nowhere rw - tmpfs tmpfs rw\n";
        assert_eq!(disk_of(mounts, Path::new("/")).unwrap(), "ext4 on /dev/vda");
        assert_eq!(disk_of(mounts, Path::new("/proc/self")).unwrap(), "proc on proc");
    }

    #[test]
    fn this_machine_has_a_name() {
        let machine = Machine::describe(Path::new("."));
        assert!(machine.cores > 0);
        assert!(machine.to_string().contains(" on "), "{machine}");
    }
}
