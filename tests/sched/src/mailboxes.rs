//! The mailboxes: many senders, customers put to sleep, strangers, trouble, a stop.

use crate::events::{actor, applied, bring, decided, event, insist, user, visitor};
use crate::process::Process;
use futures_util::future::join_all;
use roadbook_kernel::MessageId;
use roadbook_runtime::{Deliver, Outcome};
use shuttle::future::{JoinHandle, block_on, spawn};
use shuttle::rand::{Rng, thread_rng};
use std::sync::atomic::Ordering;

const SENDERS: usize = 3;
/// Events of each sender, each after the answer to the one before.
const EACH: usize = 2;

/// What a sender was told: each event with the version that was named.
type Told = Vec<(MessageId, u64)>;

/// A sender of events to one visitor, who waits for each answer.
fn sender(process: &Process, number: usize, to: usize) -> JoinHandle<Told> {
    let router = process.router.clone();
    spawn(async move {
        let mut told = Vec::new();
        for ordinal in 0..EACH {
            let event = event(&router, &format!("{number}-{ordinal}"), &[visitor(to)]);
            let outcome = bring(&router, &event).await.expect("nothing fails here");
            told.push((event.id, applied(&outcome)));
        }
        told
    })
}

async fn all(senders: Vec<JoinHandle<Told>>) -> Vec<Told> {
    join_all(senders).await.into_iter().map(|told| told.expect("a sender that ends")).collect()
}

/// Every message is in one turn, the one its sender was told; and a sender's messages are in the order it sent them.
async fn each_once(process: &Process, to: usize, told: &[Told]) {
    let decided = decided(process, &actor(process, &visitor(to)).await).await;
    assert_eq!(decided.len(), told.iter().map(Vec::len).sum::<usize>(), "messages in turns");
    for told in told {
        for (message, version) in told {
            assert_eq!(decided.get(message), Some(&vec![*version]), "the turns of a message that was told {version}");
        }
        assert!(told.is_sorted_by_key(|(_, version)| version), "later messages in earlier turns: {told:?}");
    }
}

/// Several senders to one customer who stays awake: never two turns at once.
pub fn one_mailbox() {
    let process = Process::open(16);
    block_on(async {
        // Awake before the race: founding is a race of its own.
        let first = all(vec![sender(&process, SENDERS, 0)]).await;
        let before = process.engine.tally.conflicts.load(Ordering::Relaxed);
        let key = actor(&process, &visitor(0)).await;
        let arbiter = process.arbiter.clone();
        let poke = spawn(async move { arbiter.poke(key).await });
        // One of them sends a message again: its answer is another one than that of those it waits with.
        let router = process.router.clone();
        let again = spawn(async move {
            let known = event(&router, &format!("{SENDERS}-0"), &[visitor(0)]);
            bring(&router, &known).await.expect("nothing fails here")
        });
        let mut told = all((0..SENDERS).map(|number| sender(&process, number, 0)).collect()).await;
        let again = again.await.expect("a sender that ends");
        assert!(matches!(again, Outcome::Duplicate { .. }), "a message that is known was answered {again:?}");
        poke.await.expect("a poke that ends").expect("nothing fails here");
        told.extend(first);
        each_once(&process, 0, &told).await;
        let lost = process.engine.tally.conflicts.load(Ordering::Relaxed) - before;
        assert_eq!(lost, 0, "races of a mailbox with itself");
    });
    process.close();
}

/// More customers than may be awake, and looks that put others to sleep: everybody is answered all the same.
pub fn sleep() {
    let process = Process::open(1);
    block_on(async {
        let arbiter = process.arbiter.clone();
        let looks = spawn(async move {
            for _ in 0..4 {
                arbiter.look();
                shuttle::future::yield_now().await;
            }
        });
        let both: Vec<_> = (0..2 * SENDERS).map(|number| sender(&process, number, number % 2)).collect();
        let told = all(both).await;
        looks.await.expect("looks that end");
        for to in 0..2 {
            let of: Vec<Told> = told.iter().skip(to).step_by(2).cloned().collect();
            each_once(&process, to, &of).await;
        }
    });
    process.close();
}

/// Another process writes the same customer: the row a mailbox has kept is behind, and is never believed over the store.
pub fn stranger() {
    let process = Process::open(16);
    block_on(async {
        let (here, elsewhere) = (process.router.clone(), process.elsewhere());
        let first = event(&here, "first", &[visitor(0)]);
        applied(&bring(&here, &first).await.expect("nothing fails here"));
        let visits = sender(&process, 0, 0);
        let other = spawn(async move {
            let login = event(&elsewhere, "login", &[visitor(0), user(0)]);
            applied(&insist(&elsewhere, &login).await);
            // Whether the mailbox has heard of it or not: this identifier is its customer's.
            let twice = event(&here, "twice", &[user(0)]);
            let (one, two) = futures_util::join!(insist(&here, &twice), insist(&elsewhere, &twice));
            let applied = [&one, &two].into_iter().filter(|outcome| matches!(outcome, Outcome::Applied { .. })).count();
            let known = [&one, &two].into_iter().filter(|outcome| matches!(outcome, Outcome::Duplicate { .. })).count();
            assert_eq!((applied, known), (1, 1), "one message brought by two: {one:?} and {two:?}");
        });
        all(vec![visits]).await;
        other.await.expect("a stranger who ends");
        let decided = decided(&process, &actor(&process, &visitor(0)).await).await;
        assert_eq!(decided.len(), EACH + 3, "messages in turns: {decided:?}");
        assert!(decided.values().all(|turns| turns.len() == 1), "a message in two turns: {decided:?}");
    });
    process.close();
}

/// Commits that fail, done or not, and turns that end by a panic: whoever tries again is answered once.
pub fn trouble() {
    let process = Process::open(16);
    process.trouble(3, 2);
    block_on(async {
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let router = process.router.clone();
                spawn(async move {
                    let mut told = Vec::new();
                    for ordinal in 0..EACH {
                        let event = event(&router, &format!("{number}-{ordinal}"), &[visitor(0)]);
                        let outcome = insist(&router, &event).await;
                        let good = matches!(outcome, Outcome::Applied { .. } | Outcome::Duplicate { .. });
                        assert!(good, "an event was answered {outcome:?}");
                        told.push(event.id);
                    }
                    told
                })
            })
            .collect();
        let told = join_all(senders).await.into_iter().flat_map(|told| told.expect("a sender that ends"));
        let told: Vec<MessageId> = told.collect();
        let decided = decided(&process, &actor(&process, &visitor(0)).await).await;
        assert_eq!(decided.len(), told.len(), "messages in turns");
        for message in told {
            assert_eq!(decided.get(&message).map(Vec::len), Some(1), "the turns of a message");
        }
    });
    process.close();
}

/// The arbiter ends in the middle: everybody hears something, and whoever hears yes finds it stored.
pub fn stop() {
    let mut process = Process::open(16);
    block_on(async {
        applied(
            &bring(&process.router, &event(&process.router, "first", &[visitor(0)])).await.expect("before the stop"),
        );
        process.trouble(1, 0);
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let router = process.router.clone();
                spawn(async move {
                    let event = event(&router, &number.to_string(), &[visitor(0)]);
                    (event.id, bring(&router, &event).await)
                })
            })
            .collect();
        for _ in 0..thread_rng().gen_range(0..12) {
            shuttle::future::yield_now().await;
        }
        process.stop();
        let answers = join_all(senders).await;
        let decided = decided(&process, &actor(&process, &visitor(0)).await).await;
        for (message, answer) in answers.into_iter().map(|answer| answer.expect("a sender that ends")) {
            let turns = decided.get(&message).cloned().unwrap_or_default();
            match answer {
                Ok(outcome) => assert_eq!(turns, [applied(&outcome)], "the turns of a message that was told yes"),
                Err(_) => assert!(turns.len() <= 1, "a message in two turns"),
            }
        }
    });
    process.close();
}
