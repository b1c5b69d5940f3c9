//! The store alone: whole turns (state, record, due index, inbox) committed in groups of 128, without deciding
//! anything. Compared with a raw append log of the same bytes it shows what the store costs.

use anyhow::Result;
use bytes::Bytes;
use roadbook_embedded::{Embedded, Options};
use roadbook_kernel::{ActorKey, CustomerId, Moment, TenantId};
use roadbook_runtime::ports::{Commit, Due, DueKind, Expect, Item, ItemKey, Put, Store, Turn};
use std::sync::Arc;
use std::time::Instant;

/// Turns in flight at once: one group.
const GROUP: usize = 128;
/// Turns measured.
const TURNS: u64 = 200_000;
/// Actors they are spread over.
const ACTORS: u64 = 50_000;
/// Bytes of a row: 2 KB of state, and the inbox.
const ROW_BYTES: usize = 2_048 + 200;
/// Bytes of a turn's record: one accepted event.
const RECORD_BYTES: usize = 420;

/// Measures and prints.
///
/// # Errors
/// A store that cannot be opened or written.
pub fn run(as_json: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Arc::new(Embedded::open(folder.path(), &Options::default())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let took = runtime.block_on(measure(&store))?;
    let per_s = TURNS as f64 / took;
    let bytes = ROW_BYTES + RECORD_BYTES + ItemKey::actor(&actor(0)).bytes().len();
    if as_json {
        println!("{}", serde_json::json!({ "turns_per_s": per_s, "bytes_per_turn": bytes }));
    } else {
        println!("{per_s:.0} turns/s of {bytes} bytes, in groups of {GROUP}");
    }
    Ok(())
}

fn actor(number: u64) -> ActorKey {
    // Spread over the key space as hashed ids are.
    let id = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 32;
    ActorKey::customer(TenantId::from_u128(1), CustomerId::from_u128(id))
}

async fn measure(store: &Arc<Embedded>) -> Result<f64> {
    let mut versions = vec![0u64; ACTORS as usize];
    let mut noise = Noise(1);
    let began = Instant::now();
    let mut number = 0;
    while number < TURNS {
        let commits: Vec<Commit> = (0..GROUP as u64)
            .map(|offset| {
                let who = (number + offset).wrapping_mul(2_654_435_761) % ACTORS;
                let version = &mut versions[who as usize];
                *version += 1;
                turn(who, *version, &mut noise)
            })
            .collect();
        let done = futures_util::future::join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
        for result in done {
            result?;
        }
        number += GROUP as u64;
    }
    Ok(began.elapsed().as_secs_f64())
}

fn turn(who: u64, version: u64, noise: &mut Noise) -> Commit {
    let actor = actor(who);
    let key = ItemKey::actor(&actor);
    let expect = if version == 1 { Expect::Absent } else { Expect::Version(version - 1) };
    let item = Some(Item { version, body: noise.bytes(ROW_BYTES) });
    let due = |version: u64| Some(Moment::from_millis(i64::try_from(version).unwrap_or(0) * 1_000));
    let was = if version == 1 { None } else { due(version - 1) };
    Commit {
        puts: vec![Put { key: key.clone(), expect, item }],
        turns: vec![Turn { actor, version, record: noise.bytes(RECORD_BYTES) }],
        dues: vec![Due { kind: DueKind::Actor, key, was, now: due(version) }],
        ..Commit::default()
    }
}

/// Bytes as compressible as JSON state is: half hex digits that never repeat, half words that do.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, len: usize) -> Bytes {
        let mut out = Vec::with_capacity(len + 64);
        while out.len() < len {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            out.extend_from_slice(format!("\"trait\":{{\"v\":\"{:016x}\"}},", self.0).as_bytes());
        }
        out.truncate(len);
        out.into()
    }
}
