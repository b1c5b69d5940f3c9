//! The scripted scenario: once clean, then with a crash before and after every port call.

use roadbook_it::canon::difference;
use roadbook_it::faulty::{Spot, Trouble, When};
use roadbook_it::scenario::{Redelivery, asked, play, replay_command};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

fn play_here(trouble: Trouble, redelivery: Redelivery) -> Result<roadbook_it::scenario::Ended, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    runtime.block_on(play(trouble, redelivery))
}

/// One crash: what differs from the clean run, if anything.
fn crash(spot: Spot, redelivery: Redelivery, expected: &Value) -> Result<(), String> {
    let told = |what: String| format!("crash at {spot}, redelivering {redelivery:?}: {what}\n  {}", replay_command(spot));
    let ended = play_here(Trouble::Crash(spot), redelivery).map_err(told)?;
    if !ended.crashed {
        return Err(told("the crash was never reached".into()));
    }
    if ended.canonical != *expected {
        return Err(told(difference(expected, &ended.canonical)));
    }
    Ok(())
}

/// Every crash of `spots`, on as many threads as the machine has.
fn crash_everywhere(spots: &[Spot], redelivery: Redelivery, expected: &Value) -> Vec<String> {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let take = || usize::try_from(next.fetch_add(1, Ordering::SeqCst)).ok();
        let mut failed = Vec::new();
        while let Some(spot) = take().and_then(|index| spots.get(index)) {
            failed.extend(crash(*spot, redelivery, expected).err());
        }
        failed
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("no panic in a crash run")).collect()
    })
}

#[test]
fn a_crash_at_any_port_call_loses_doubles_and_blocks_nothing() {
    let clean = play_here(Trouble::None, Redelivery::Unacknowledged).expect("the clean run comes to its end");
    let spots: Vec<Spot> = match asked().expect("ROADBOOK_CRASH_AT") {
        Some(spot) => vec![spot],
        None => (1..=clean.calls)
            .flat_map(|call| [When::Before, When::After].map(|when| Spot { call, when }))
            .collect(),
    };
    let begun = std::time::Instant::now();
    for redelivery in [Redelivery::Unacknowledged, Redelivery::Everything] {
        let failed = crash_everywhere(&spots, redelivery, &clean.canonical);
        let shown: Vec<&str> = failed.iter().map(String::as_str).take(5).collect();
        assert!(failed.is_empty(), "{} of {} crashes went wrong; the first:\n{}", failed.len(), spots.len(), shown.join("\n"));
    }
    println!("{} port calls, {} crashes in {:?}", clean.calls, 2 * spots.len(), begun.elapsed());
}
