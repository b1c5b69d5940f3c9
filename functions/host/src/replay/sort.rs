//! Sorts events by time, ties by line, in bounded memory: sorted runs on the disk, merged as they are read.

use anyhow::Result;
use roadbook_kernel::Moment;
use roadbook_wire::Inbound;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};

/// Events held in memory before they become a run on the disk: 100 MB of them.
const RUN_EVENTS: usize = 100_000;

/// Takes events in any order.
pub struct Sorter {
    held: Vec<(Moment, u64, Inbound)>,
    runs: Vec<std::fs::File>,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// Gives them back in order.
pub struct Sorted {
    held: Vec<(Moment, u64, Inbound)>,
    runs: Vec<std::fs::File>,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl Sorter {
    pub fn new() -> Result<Self> {
        Ok(Self { held: Vec::new(), runs: Vec::new(), first: None, last: None })
    }

    pub fn push(&mut self, event: Inbound, line: u64) -> Result<()> {
        let at = event.occurred_at;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        self.held.push((at, line, event));
        if self.held.len() >= RUN_EVENTS {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        self.held.sort_by_key(|(at, line, _)| (*at, *line));
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for (at, line, event) in self.held.drain(..) {
            let stored = (at, line, event.message, event.observation);
            serde_json::to_writer(&mut file, &stored)?;
            file.write_all(b"\n")?;
        }
        let mut file = file.into_inner()?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Sorted> {
        self.held.sort_by_key(|(at, line, _)| (*at, *line));
        Ok(Sorted { held: self.held, runs: self.runs, first: self.first, last: self.last })
    }
}

type Events = Box<dyn Iterator<Item = Result<(Moment, u64, Inbound)>>>;

impl Sorted {
    pub const fn first(&self) -> Option<Moment> {
        self.first
    }

    pub const fn last(&self) -> Option<Moment> {
        self.last
    }

    /// All events in order.
    pub fn merge(self) -> Result<impl Iterator<Item = Result<Inbound>>> {
        let mut sources: Vec<Events> = vec![Box::new(self.held.into_iter().map(Ok))];
        sources.extend(self.runs.into_iter().map(|run| Box::new(read_run(run)) as Events));
        let mut heap = BinaryHeap::new();
        let mut waiting: Vec<Option<Inbound>> = Vec::new();
        for (place, source) in sources.iter_mut().enumerate() {
            waiting.push(None);
            pull(place, source, &mut heap, &mut waiting)?;
        }
        Ok(std::iter::from_fn(move || {
            let Reverse((_, _, place)) = heap.pop()?;
            let event = waiting[place].take()?;
            Some(pull(place, &mut sources[place], &mut heap, &mut waiting).map(|()| event))
        }))
    }
}

fn pull(
    place: usize,
    source: &mut Events,
    heap: &mut BinaryHeap<Reverse<(Moment, u64, usize)>>,
    waiting: &mut [Option<Inbound>],
) -> Result<()> {
    if let Some((at, line, event)) = source.next().transpose()? {
        heap.push(Reverse((at, line, place)));
        waiting[place] = Some(event);
    }
    Ok(())
}

fn read_run(run: std::fs::File) -> impl Iterator<Item = Result<(Moment, u64, Inbound)>> {
    BufReader::new(run).lines().map(|line| {
        let (at, number, message, observation) = serde_json::from_str(&line?)?;
        let event = Inbound { message, producer_id: None, occurred_at: at, observation, dropped: Vec::new() };
        Ok((at, number, event))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_customer::{Call, Observation, TraitOps};
    use roadbook_kernel::{MessageId, Personal};

    fn event(at: i64, id: u128) -> Inbound {
        Inbound {
            message: MessageId::from_u128(id),
            producer_id: None,
            occurred_at: Moment::from_millis(at),
            observation: Observation {
                call: Call::Track,
                name: "purchase".into(),
                identifiers: Vec::new(),
                evidence: Vec::new(),
                traits: TraitOps::default(),
                properties: Personal::default(),
            },
            dropped: Vec::new(),
        }
    }

    #[test]
    fn runs_on_the_disk_merge_in_order_of_time_then_line() {
        let mut sorter = Sorter::new().unwrap();
        for line in 0..100u64 {
            sorter.push(event(i64::try_from(line * 7 % 10).unwrap(), u128::from(line)), line).unwrap();
            if line % 30 == 29 {
                sorter.spill().unwrap();
            }
        }
        let sorted = sorter.finish().unwrap();
        assert_eq!(sorted.runs.len(), 3);
        let order: Vec<(i64, u128)> = sorted
            .merge()
            .unwrap()
            .map(|event| event.unwrap())
            .map(|event| (event.occurred_at.millis(), event.message.as_u128()))
            .collect();
        assert_eq!(order.len(), 100);
        assert!(order.is_sorted(), "{order:?}");
    }
}
