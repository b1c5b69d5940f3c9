//! How rough a run is: which faults there are, and how often.

use crate::chance::Chance;

/// Faults per 10,000 occasions.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// A port call fails and nothing happened (throttling, a lost connection).
    pub fails: u32,
    /// A port call is applied and its answer is lost.
    pub answer_lost: u32,
    /// The host dies before a port call.
    pub dies_before: u32,
    /// The host dies after a port call was applied.
    pub dies_after: u32,
    /// A port call takes milliseconds to seconds.
    pub slow: u32,
    /// The due index answers as it was a while ago.
    pub stale: u32,
    /// A look of a loop is left out.
    pub look_lost: u32,
    /// A look of a loop is made twice at once.
    pub look_twice: u32,
    /// An acknowledged message is delivered again soon.
    pub again_soon: u32,
    /// An acknowledged message is delivered again after weeks.
    pub again_late: u32,
    /// The provider answers something else than "sent".
    pub provider: u32,
    /// Messages are held back and overtaken by others.
    pub held_back: u32,
    /// An entry of a request to a queue is not taken, while others are.
    pub partial: u32,
    /// A webhook endpoint answers badly, or not.
    pub endpoint: u32,
}

impl Weather {
    /// No faults at all.
    pub fn calm() -> Self {
        Self::default()
    }

    /// The weather of a seed. Each fault is left out in some seeds, so that none hides another.
    pub fn of(chance: &mut Chance) -> Self {
        let strength = chance.pick(&[0, 30, 100, 100, 300]);
        let mut some = |most: u32| if chance.below(3) == 0 { 0 } else { most * strength / 100 };
        Self {
            fails: some(100),
            answer_lost: some(150),
            dies_before: some(25),
            dies_after: some(40),
            slow: some(800),
            stale: some(1_500),
            look_lost: some(2_500),
            look_twice: some(1_500),
            again_soon: some(1_500),
            again_late: some(800),
            provider: some(2_000),
            held_back: some(1_000),
            partial: some(300),
            endpoint: some(1_800),
        }
    }
}
