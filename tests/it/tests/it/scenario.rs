//! The scripted scenario: once clean, then with a crash before and after every port call.

use roadbook_it::faulty::{Spot, When};
use roadbook_it::scenario::{Redelivery, Rehearsed, asked, rehearse, replay_command};
use std::sync::atomic::{AtomicUsize, Ordering};

/// One crash of so many is played to its end although its store is what it was in the clean run.
const PLAYED_TO_THE_END: u64 = 16;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// What is tried at every port call.
#[derive(Clone, Copy, Debug)]
enum Trial {
    Crash(Redelivery),
    Hiccup,
}

/// One trial at all `spots`, on as many threads as the machine has: what went wrong.
fn everywhere(rehearsed: &Rehearsed, spots: &[Spot], trial: Trial) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(spot) = spots.get(next.fetch_add(1, Ordering::SeqCst)) {
            let to_the_end = spots.len() == 1 || spot.call % PLAYED_TO_THE_END == 0;
            let ended = match trial {
                Trial::Crash(redelivery) => block_on(rehearsed.crash(*spot, redelivery, to_the_end)),
                Trial::Hiccup => block_on(rehearsed.hiccup(*spot, to_the_end)),
            };
            if let Err(told) = ended {
                wrong.push(format!("{trial:?} at {spot}: {told}\n  {}", replay_command(*spot)));
            }
        }
        wrong
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic in a trial")).collect()
    })
}

fn nothing_goes_wrong(trial: Trial) {
    let rehearsed = block_on(rehearse()).expect("the clean run comes to its end");
    let sides = |call| [When::Before, When::After].map(|when| Spot { call, when });
    let spots: Vec<Spot> = match asked().expect("ROADBOOK_CRASH_AT") {
        Some(spot) => vec![spot],
        None => (1..=rehearsed.calls).flat_map(sides).collect(),
    };
    let wrong = everywhere(&rehearsed, &spots, trial);
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} trials went wrong; the first:\n{shown}", wrong.len(), spots.len());
    println!("{} trials over {} port calls: {trial:?}", spots.len(), rehearsed.calls);
}

#[test]
fn a_crash_at_any_port_call_loses_doubles_and_blocks_nothing() {
    nothing_goes_wrong(Trial::Crash(Redelivery::Unacknowledged));
}

#[test]
fn nor_does_one_after_which_everything_is_delivered_again() {
    nothing_goes_wrong(Trial::Crash(Redelivery::Everything));
}

#[test]
fn nor_does_a_fault_that_the_process_survives() {
    nothing_goes_wrong(Trial::Hiccup);
}

#[test]
fn the_clean_run_holds_what_the_script_is_about() {
    let rehearsed = block_on(rehearse()).expect("the clean run comes to its end");
    let tenant = &rehearsed.canonical["tenant"];
    let counter = |name: &str| tenant["counters"][name].as_i64().unwrap_or(0);
    let text = rehearsed.canonical.to_string();
    assert_eq!(counter("customers"), tenant["customers"].as_object().map_or(0, serde_json::Map::len) as i64);
    assert_eq!(tenant["letters"].as_array().map(Vec::len), Some(1), "one event was too much for its customer");
    for fact in ["suppressed NoConsent", "WecomGroupTask sent", "WecomSeller sent", "Recording sent"] {
        assert!(text.contains(fact), "{fact}");
    }
    for name in ["sends/handed_over", "sends/sent", "sends/intended"] {
        assert!(counter(name) > 0, "{name}");
    }
    let ended = |how: &str| counter(&format!("journey/{}/ended/{how}", roadbook_it::script::LEAD));
    assert!(ended("goal") > 0 && ended("completed") > 0);
    let held = format!("journey/{}/node/settle/held", roadbook_it::script::LEAD);
    assert_eq!(tenant["counters"][&held], 0, "somebody was held in the pause, and let go");
    assert!(text.contains("lead R4") && !text.contains("R6"), "the held lead is told of; nobody came in meanwhile");
    assert!(rehearsed.calls > 300, "{} port calls", rehearsed.calls);
}
