//! Chance: one stream of numbers per seed, so that a seed is a whole run.

/// A generator (SplitMix64: Steele, Lea and Flood, OOPSLA 2014). Good enough to choose with, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed. `purpose` gives streams that do not disturb each other.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut chance = Self(seed ^ purpose.wrapping_mul(0xd134_2543_de82_ef95));
        chance.draw();
        chance
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.draw() % bound as u64) as usize }
    }

    /// A number of milliseconds from `low` to `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        low + (self.draw() % width).cast_signed()
    }

    /// True in `per_10_000` of 10,000 cases.
    pub fn happens(&mut self, per_10_000: u32) -> bool {
        per_10_000 > 0 && self.draw() % 10_000 < u64::from(per_10_000)
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
