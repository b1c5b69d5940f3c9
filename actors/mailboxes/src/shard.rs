//! The customers of one arbiter: who is awake, and who goes to sleep.

use crate::awake::{Ask, Awake, Sleep};
use actix::prelude::*;
use roadbook_kernel::ActorKey;
use roadbook_runtime::Engine;
use roadbook_runtime::mutants::mutant;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::Duration;

/// An ask with its address.
pub(crate) struct To(pub(crate) ActorKey, pub(crate) Ask);

impl actix::Message for To {
    type Result = ();
}

struct Place {
    mailbox: Addr<Awake>,
    used: u64,
}

/// One arbiter's customers.
pub(crate) struct Shard {
    engine: Arc<Engine>,
    awake: FxHashMap<ActorKey, Place>,
    awake_max: usize,
    idle: Duration,
    /// Counts asks: the order in which customers were last used.
    asks: u64,
    /// The count at the last look: whoever was not used since is idle.
    looked: u64,
    looking: bool,
}

impl Shard {
    pub(crate) fn new(engine: Arc<Engine>, awake_max: usize, idle: Duration) -> Self {
        Self { engine, awake: FxHashMap::default(), awake_max, idle, asks: 0, looked: 0, looking: false }
    }

    /// Puts to sleep whoever was not used since the last look. No look is planned while nobody is awake.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let looked = self.looked;
        self.put_to_sleep(|place| place.used <= looked);
        self.looked = self.asks;
        self.looking = !self.awake.is_empty();
        if self.looking {
            ctx.run_later(self.idle, Self::look);
        }
    }

    /// Makes room: the quarter that was used longest ago goes to sleep, so that this is rarely done.
    fn make_room(&mut self) {
        let mut uses: Vec<u64> = self.awake.values().map(|place| place.used).collect();
        let quarter = uses.len() / 4;
        let (_, limit, _) = uses.select_nth_unstable(quarter);
        let limit = *limit;
        self.put_to_sleep(|place| place.used <= limit);
    }

    fn put_to_sleep(&mut self, tired: impl Fn(&Place) -> bool) {
        self.awake.retain(|_, place| {
            let sleeps = tired(place);
            if sleeps {
                // A message for this customer may wake a second mailbox while the first one finishes: the version
                // condition keeps them apart.
                place.mailbox.do_send(Sleep);
            }
            !sleeps || mutant!(AsleepButListed)
        });
    }
}

impl Actor for Shard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The limits on what is under way are at the doors; a shard only passes on.
        ctx.set_mailbox_capacity(1 << 16);
    }
}

impl Handler<To> for Shard {
    type Result = ();

    fn handle(&mut self, To(key, ask): To, ctx: &mut Self::Context) {
        self.asks += 1;
        let asks = self.asks;
        // A mailbox that ended by a panic is gone, not asleep: what it was asked is answered with a fault, and the next
        // ask wakes a new one.
        if let Some(place) =
            self.awake.get_mut(&key).filter(|place| place.mailbox.connected() || mutant!(GoneButListed))
        {
            place.used = asks;
            place.mailbox.do_send(ask);
            return;
        }
        if self.awake.len() >= self.awake_max {
            self.make_room();
        }
        let mailbox = Awake::new(key, self.engine.clone()).start();
        mailbox.do_send(ask);
        self.awake.insert(key, Place { mailbox, used: asks });
        if !self.looking {
            self.looking = true;
            ctx.run_later(self.idle, Self::look);
        }
    }
}

/// A look that somebody asks for.
#[cfg(schedules)]
pub(crate) struct Look;

#[cfg(schedules)]
impl actix::Message for Look {
    type Result = ();
}

#[cfg(schedules)]
impl Handler<Look> for Shard {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}
