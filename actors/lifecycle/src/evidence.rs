//! What is kept of a person or of a car: which signals were seen, and when. Never a stage.
//!
//! A join: signs are a set; taking in more and putting two sets together give the same in every order and however
//! often repeated. What can no longer change the answer is dropped, by a rule that is itself independent of order:
//! of each signal only the newest few stay ([`crate::SignalSpec::keep`]), and a sign of the intent goes when a later
//! one settles it.

use crate::{Aipl, RIPENINGS, Region, Signal, Step, THRESHOLDS, transition};
use roadbook_kernel::{DAY_MS, Moment};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// One signal at one time. Orders by time, then by the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sign {
    /// When.
    pub at: Moment,
    /// What.
    pub signal: Signal,
}

/// Where somebody stands on one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The step.
    pub step: Step,
    /// When they came to it, or last did again what leads there.
    pub since: Moment,
    /// The signal that led there.
    pub because: Signal,
}

/// The signs of one person or one car. Stored as one text, eight characters a sign, ascending; nothing while empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    signs: Vec<Sign>,
    /// Signs a newer version wrote and this one does not know, as they are stored: a rollback loses nothing.
    later: Vec<[u8; SIGN_BYTES]>,
}

/// Characters of a stored sign: a letter and the time.
const SIGN_BYTES: usize = 8;
/// Digits in ascending order of their bytes, so that stored times sort as times do.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const NO_DIGIT: u8 = 0xff;
/// The value of each digit: signs are read with every stored row.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};
/// The last instant that fits seven digits: in the year 2109.
const LAST_MS: i64 = (1 << 42) - 1;

impl Evidence {
    /// Whether nothing was ever seen.
    pub fn is_empty(&self) -> bool {
        self.signs.is_empty() && self.later.is_empty()
    }

    /// All that is kept, oldest first.
    pub fn signs(&self) -> &[Sign] {
        &self.signs
    }

    /// Takes a sign in, and what follows from it: see [`THRESHOLDS`]. Times before 1970 count as 1970.
    pub fn note(&mut self, signal: Signal, at: Moment) {
        self.insert(Sign { at: Moment::from_millis(at.millis().clamp(0, LAST_MS)), signal });
        for threshold in THRESHOLDS.iter().filter(|threshold| threshold.of == signal) {
            let times: Vec<Moment> = self.of(signal).collect();
            let Some(first) = times.len().checked_sub(threshold.times) else { continue };
            let last = times[times.len() - 1];
            if last.since_ms(times[first]) <= threshold.within_days * DAY_MS {
                self.insert(Sign { at: last, signal: threshold.gives });
            }
        }
        self.settle();
    }

    /// Takes everything another one knows (merge).
    pub fn join(&mut self, other: &Evidence) {
        for sign in &other.signs {
            self.insert(*sign);
        }
        self.later.extend_from_slice(&other.later);
        self.later.sort_unstable();
        self.later.dedup();
        self.settle();
    }

    /// Where the intent stands.
    pub fn intent(&self) -> Option<Place> {
        self.walk(Region::Intent)
    }

    /// Where the life with the car stands.
    pub fn home(&self) -> Option<Place> {
        self.walk(Region::Home)
    }

    /// The level that holds however the rest stands: see [`crate::LOYAL`].
    pub fn loyalty(&self) -> Option<Aipl> {
        let met = crate::LOYAL.iter().any(|(signal, times)| self.of(*signal).count() >= *times);
        met.then_some(Aipl::Loyal)
    }

    /// What happens next by itself, and when: see [`RIPENINGS`]. `None` once it is noted, or when the car is gone.
    pub fn ripens(&self) -> Option<Sign> {
        let due = RIPENINGS.iter().filter_map(|ripening| {
            let at = self.of(ripening.of).next_back()?.plus_ms(ripening.after_days * DAY_MS);
            // A car handed over decades ago in an import ripens beyond what is stored: never.
            let pending = at.millis() <= LAST_MS && self.of(ripening.gives).all(|known| known < at);
            pending.then_some(Sign { at, signal: ripening.gives })
        });
        // Asked last, because it is asked of every customer at every turn and almost nobody has just got a car.
        due.min().filter(|_| self.home().is_some())
    }

    fn of(&self, signal: Signal) -> impl DoubleEndedIterator<Item = Moment> + '_ {
        self.signs.iter().filter(move |sign| sign.signal == signal).map(|sign| sign.at)
    }

    fn insert(&mut self, sign: Sign) {
        if let Err(place) = self.signs.binary_search(&sign) {
            self.signs.insert(place, sign);
        }
    }

    /// Drops what can no longer change the answer. Backwards: `settled` is the highest rank a later sign settles.
    fn settle(&mut self) {
        let mut settled = 0;
        let mut kept = [0usize; Signal::ALL.len()];
        let mut place = self.signs.len();
        while place > 0 {
            place -= 1;
            let signal = self.signs[place].signal;
            let spec = signal.spec();
            let seen = &mut kept[signal as usize];
            if *seen >= spec.keep || (spec.region == Region::Intent && spec.rank <= settled) {
                self.signs.remove(place);
                continue;
            }
            *seen += 1;
            settled = settled.max(spec.settles);
        }
    }

    fn walk(&self, region: Region) -> Option<Place> {
        let mut place: Option<Place> = None;
        let mut seen = [0usize; Signal::ALL.len()];
        for Sign { at, signal } in &self.signs {
            let nth = &mut seen[*signal as usize];
            *nth += 1;
            if let Some(to) = transition(region, place.map(|place| place.step), *signal, *nth) {
                place = to.map(|step| Place { step, since: *at, because: *signal });
            }
        }
        place
    }
}

impl Sign {
    fn stored(self) -> [u8; SIGN_BYTES] {
        let mut text = [self.signal.spec().letter; SIGN_BYTES];
        let mut rest = self.at.millis().clamp(0, LAST_MS);
        for slot in text[1..].iter_mut().rev() {
            *slot = DIGITS[(rest & 63) as usize];
            rest >>= 6;
        }
        text
    }

    /// `None` for a letter of a newer version.
    fn read(text: &[u8; SIGN_BYTES]) -> Option<Self> {
        let signal = Signal::from_letter(text[0])?;
        let ms = text[1..].iter().try_fold(0i64, |ms, byte| match VALUES[usize::from(*byte)] {
            NO_DIGIT => None,
            digit => Some((ms << 6) | i64::from(digit)),
        })?;
        Some(Self { at: Moment::from_millis(ms), signal })
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity((self.signs.len() + self.later.len()) * SIGN_BYTES);
        self.signs.iter().for_each(|sign| text.extend_from_slice(&sign.stored()));
        self.later.iter().for_each(|sign| text.extend_from_slice(sign));
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let (signs, rest) = text.as_bytes().as_chunks::<SIGN_BYTES>();
        if !rest.is_empty() || !text.is_ascii() {
            return Err(serde::de::Error::custom("expected eight characters a sign"));
        }
        let mut evidence = Self::default();
        for sign in signs {
            match Sign::read(sign) {
                Some(sign) => evidence.insert(sign),
                None => evidence.later.push(*sign),
            }
        }
        Ok(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_767_225_600_000;

    /// Signals with the days they were seen on.
    type Days = &'static [(Signal, i64)];

    fn days(signs: &[(Signal, i64)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (signal, day) in signs {
            evidence.note(*signal, Moment::from_millis(T0 + day * DAY_MS));
        }
        evidence
    }

    fn steps(signs: &[(Signal, i64)]) -> (Option<Step>, Option<Step>) {
        let evidence = days(signs);
        (evidence.intent().map(|place| place.step), evidence.home().map(|place| place.step))
    }

    #[test]
    fn a_life_as_a_table() {
        use Signal as S;
        let lives: &[(Days, Option<Step>, Option<Step>)] = &[
            (&[], None, None),
            (&[(S::Touch, 0)], Some(Step::Touched), None),
            (&[(S::Touch, 0), (S::View, 1)], Some(Step::Viewed), None),
            (&[(S::View, 0), (S::View, 7), (S::View, 14)], Some(Step::Comparing), None),
            (&[(S::View, 0), (S::View, 7), (S::View, 15)], Some(Step::Viewed), None),
            (&[(S::View, 0), (S::View, 1), (S::View, 2), (S::View, 99)], Some(Step::Comparing), None),
            (&[(S::Lead, 0), (S::View, 1)], Some(Step::Lead), None),
            (&[(S::Drive, 2), (S::Lead, 0)], Some(Step::Negotiating), None),
            (&[(S::Order, 0), (S::Cancel, 1)], Some(Step::Negotiating), None),
            (&[(S::Order, 2), (S::Cancel, 1)], Some(Step::Ordered), None),
            (&[(S::Lead, 0), (S::Defeat, 5)], Some(Step::Lost), None),
            (&[(S::Lead, 0), (S::Defeat, 5), (S::View, 6)], Some(Step::Viewed), None),
            (&[(S::Order, 0), (S::Delivery, 9)], None, Some(Step::Owning)),
            (&[(S::Delivery, 9), (S::Order, 0)], None, Some(Step::Owning)),
            (&[(S::Delivery, 0), (S::Compare, 400)], Some(Step::Comparing), Some(Step::Owning)),
            (&[(S::Bind, 0), (S::Service, 90), (S::Service, 300)], None, Some(Step::Returning)),
            (&[(S::Bind, 0), (S::Expiring, 90), (S::Service, 91)], None, Some(Step::Renewing)),
            (&[(S::Bind, 0), (S::Expiring, 90), (S::Renewed, 95), (S::Service, 99)], None, Some(Step::Serviced)),
            (&[(S::Delivery, 0), (S::Delivery, 900)], None, Some(Step::Rebought)),
            (&[(S::Delivery, 0), (S::Transfer, 900)], None, None),
        ];
        for (life, intent, home) in lives {
            assert_eq!(steps(life), (*intent, *home), "{life:?}");
        }
    }

    #[test]
    fn it_costs_few_bytes_and_reads_back() {
        use Signal as S;
        let buyer =
            [(S::Touch, 0), (S::View, 1), (S::View, 2), (S::Compare, 3), (S::Lead, 4), (S::Drive, 9), (S::Quote, 9)];
        let owner = [(S::Order, 0), (S::Delivery, 20), (S::Service, 120), (S::Service, 300), (S::Expiring, 330)];
        for (signs, most) in [(&buyer[..2], 18), (&buyer[..4], 18), (&buyer[..], 18), (&owner[..], 34)] {
            let evidence = days(signs);
            let text = serde_json::to_string(&evidence).unwrap();
            assert!(text.len() <= most, "{} bytes: {text}", text.len());
            assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
        }
    }

    #[test]
    fn signs_of_a_newer_version_survive_and_nonsense_is_refused() {
        let text = "\"lPgnnO--!Pgnn---\"";
        let mut evidence: Evidence = serde_json::from_str(text).unwrap();
        assert_eq!(evidence.signs().len(), 1);
        assert_eq!(serde_json::to_string(&evidence).unwrap(), text);
        evidence.join(&evidence.clone());
        assert_eq!(serde_json::to_string(&evidence).unwrap(), text);
        for text in ["\"l\"", "\"lPgnnO--lPg\"", "\"测试测试\"", "7"] {
            assert!(serde_json::from_str::<Evidence>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_car_ripens_once_after_its_newest_delivery() {
        let mut evidence = days(&[(Signal::Delivery, 0), (Signal::Service, 100)]);
        let due = evidence.ripens().unwrap();
        assert_eq!(due, Sign { at: Moment::from_millis(T0 + 1_096 * DAY_MS), signal: Signal::Aged });
        evidence.note(due.signal, due.at);
        assert_eq!((evidence.home().unwrap().step, evidence.ripens()), (Step::Renewing, None));
        evidence.note(Signal::Delivery, Moment::from_millis(T0 + 1_200 * DAY_MS));
        assert!(evidence.ripens().is_some());
        evidence.note(Signal::Transfer, Moment::from_millis(T0 + 1_300 * DAY_MS));
        assert_eq!(evidence.ripens(), None, "a car that is gone grows no older");
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        let mut evidence = Evidence::default();
        for at in [Moment::MIN, Moment::MAX, Moment::from_millis(0)] {
            for signal in Signal::ALL {
                evidence.note(signal, at);
            }
        }
        let stored = serde_json::to_string(&evidence).unwrap();
        assert_eq!(serde_json::from_str::<Evidence>(&stored).unwrap(), evidence);
        assert_eq!(evidence.ripens(), None);
    }
}
