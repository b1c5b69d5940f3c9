//! What one customer said about every purpose and every way: the latest word counts, whenever it reaches us.

use crate::{ChannelKind, Purpose, Standing, Verdict};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a word is about. `None` = every channel.
///
/// Stored as `marketing`, or `marketing/wecom_seller` for one channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct About(Purpose, Option<ChannelKind>);

impl Serialize for About {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            None => serializer.serialize_str(self.0.word()),
            Some(channel) => serializer.collect_str(&format_args!("{}/{}", self.0.word(), channel.word())),
        }
    }
}

impl<'de> Deserialize<'de> for About {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let (purpose, channel) = text.split_once('/').map_or((&*text, None), |(one, other)| (one, Some(other)));
        let unknown = || de::Error::custom("a consent about something this version does not know");
        let purpose = Purpose::ALL.into_iter().find(|known| known.word() == purpose).ok_or_else(unknown)?;
        let find = |word: &str| ChannelKind::ALL.into_iter().find(|known| known.word() == word).ok_or_else(unknown);
        Ok(Self(purpose, channel.map(find).transpose()?))
    }
}

/// Every word that counts. Joining two ledgers takes the later word of each purpose and channel, so the order in which
/// words or merges arrive does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsentLedger(BTreeMap<About, Standing>);

impl ConsentLedger {
    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a word about one channel, or about all (`None`). An older word than the one known changes nothing.
    pub fn note(&mut self, purpose: Purpose, channel: Option<ChannelKind>, word: &Standing) {
        let about = About(purpose, channel);
        if self.0.get(&about).is_none_or(|known| known < word) {
            self.0.insert(about, word.clone());
        }
    }

    /// Takes over every word of another ledger (merge of two customers).
    pub fn join(&mut self, other: &ConsentLedger) {
        for (About(purpose, channel), word) in &other.0 {
            self.note(*purpose, *channel, word);
        }
    }

    /// What was last said about a purpose on one channel, or about all of them (`None`), if anything. What counts for
    /// a channel follows from both: see [`Self::deciding`].
    pub fn standing(&self, purpose: Purpose, channel: Option<ChannelKind>) -> Option<&Standing> {
        self.0.get(&About(purpose, channel))
    }

    /// The word that decides whether a purpose is open on a channel; `None` where nothing was said.
    ///
    /// A withdrawal for the channel itself holds until that channel is granted again: a general grant does not reopen
    /// it. A grant for the channel holds unless everything was withdrawn at the same time or later.
    pub fn deciding(&self, purpose: Purpose, channel: ChannelKind) -> Option<&Standing> {
        let general = self.standing(purpose, None);
        let Some(own) = self.standing(purpose, Some(channel)) else { return general };
        match own.verdict {
            Verdict::Withdrawn => Some(own),
            Verdict::Granted => {
                let later = |word: &&Standing| word.verdict == Verdict::Withdrawn && word.as_of >= own.as_of;
                Some(general.filter(later).unwrap_or(own))
            }
        }
    }

    /// Whether the purpose is open on the channel: by the word that decides, else by [`Purpose::is_open_unsaid`].
    pub fn allows(&self, purpose: Purpose, channel: ChannelKind) -> bool {
        match self.deciding(purpose, channel).map(|word| word.verdict) {
            Some(Verdict::Granted) => true,
            Some(Verdict::Withdrawn) => false,
            None => purpose.is_open_unsaid(),
        }
    }

    /// Every word that counts, with what it is about; a word about all channels comes before those about one.
    pub fn iter(&self) -> impl Iterator<Item = (Purpose, Option<ChannelKind>, &Standing)> {
        self.0.iter().map(|(About(purpose, channel), word)| (*purpose, *channel, word))
    }
}

#[cfg(test)]
mod tests;
