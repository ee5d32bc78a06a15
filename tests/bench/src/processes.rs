//! What processes used: CPU time, memory, bytes written, as the kernel counts them.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

/// The kernel counts CPU time in hundredths of a second on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// The usage of one part of the deployment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Seconds of CPU, those of ended children included.
    pub(crate) cpu: f64,
    /// Bytes handed to the disk.
    pub(crate) written: f64,
    /// Highest resident memory of one of its processes, in KiB.
    pub(crate) peak_kib: f64,
    /// Resident memory that its processes have each for themselves now, in KiB: without files, and
    /// without what PostgreSQL's processes share.
    pub(crate) memory_kib: f64,
}

impl Usage {
    /// What was used since `before`. The peak is that of the whole life, and memory is that of now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            written: self.written - before.written,
            peak_kib: self.peak_kib,
            memory_kib: self.memory_kib,
        }
    }
}

/// The broker among the parts.
pub(crate) const BROKER: &str = "rabbitmq";

/// The parts, in the order of tables.
pub(crate) const PARTS: [&str; 4] = ["orchestrator", "worker", "postgres", BROKER];

/// The parts of the deployment, by name.
pub(crate) type Parts = BTreeMap<&'static str, Usage>;

/// Which processes belong to which part.
#[derive(Debug)]
pub(crate) struct Processes {
    /// The servers are descendants of this process.
    pub(crate) servers: u32,
    pub(crate) orchestrators: Vec<u32>,
    pub(crate) workers: Vec<u32>,
}

impl Processes {
    /// What each part has used so far.
    pub(crate) fn usage(&self) -> Result<Parts> {
        let mut parts = Parts::new();
        let table = Table::read()?;
        let servers = table.descendants(self.servers);
        let named = |start: &str| {
            let of = |pid: &&u32| {
                table
                    .name(**pid)
                    .is_some_and(|name| name.starts_with(start))
            };
            servers.iter().filter(of).copied().collect::<Vec<u32>>()
        };
        for (part, pids) in [
            ("orchestrator", self.orchestrators.clone()),
            ("worker", self.workers.clone()),
            ("postgres", named("postgres")),
            (BROKER, named("beam")),
        ] {
            let sum = parts.entry(part).or_default();
            for pid in pids {
                if let Some(process) = table.processes.get(&pid) {
                    sum.cpu += process.cpu;
                    sum.written += written(pid);
                    sum.peak_kib = sum.peak_kib.max(memory_kib(pid, "VmHWM:"));
                    sum.memory_kib += memory_kib(pid, "RssAnon:");
                }
            }
        }
        Ok(parts)
    }
}

struct Process {
    name: String,
    parent: u32,
    cpu: f64,
}

/// Every process of the machine.
struct Table {
    processes: BTreeMap<u32, Process>,
}

impl Table {
    fn read() -> Result<Self> {
        let mut processes = BTreeMap::new();
        for entry in fs::read_dir("/proc").context("list processes")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|it| it.parse().ok()) else {
                continue;
            };
            // One that has ended since it was listed has no line.
            if let Some(process) = stat(pid) {
                processes.insert(pid, process);
            }
        }
        Ok(Self { processes })
    }

    fn name(&self, pid: u32) -> Option<&str> {
        self.processes.get(&pid).map(|it| it.name.as_str())
    }

    fn descendants(&self, of: u32) -> Vec<u32> {
        let mut found = vec![of];
        let mut looked = 0;
        while let Some(parent) = found.get(looked).copied() {
            let children = self.processes.iter().filter(|(_, it)| it.parent == parent);
            found.extend(children.map(|(pid, _)| *pid));
            looked += 1;
        }
        found
    }
}

/// One line of `/proc/PID/stat`; the name is in parentheses and may hold anything.
fn stat(pid: u32) -> Option<Process> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, after) = line.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // utime, stime, and those of children that have ended and were waited for.
    let ticks: f64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|it| it.parse::<f64>().ok())
        .sum();
    Some(Process {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        cpu: ticks / TICKS_PER_SECOND,
    })
}

fn written(pid: u32) -> f64 {
    number(&format!("/proc/{pid}/io"), "write_bytes:")
}

fn memory_kib(pid: u32, label: &str) -> f64 {
    number(&format!("/proc/{pid}/status"), label)
}

/// The number after a label; zero for a process that has ended.
fn number(file: &str, label: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|it| it.parse().ok()).unwrap_or(0.0)
}
