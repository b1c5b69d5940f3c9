//! The first people of the first run have lives that are told: there is somebody to look at whatever chance does.

/// Whose life is told, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Story {
    /// Nobody's: chance decides.
    Chance,
    /// A hot lead: came for a drive, allows marketing, got the invitation.
    Hot,
    /// Came for a drive too, and had withdrawn marketing: did not get it.
    Withdrawn,
    /// An owner of years, who comes for every service.
    Owner,
    /// An owner who was never seen again.
    Silent,
    /// Left a lead and was never seen again: waits in the journey, or was cooled down by it.
    Waiting,
    /// A second account with the phone of the one before: the system asks whether the two are one.
    SecondAccount,
}

/// Whose number it is in the first run.
const TOLD: [Story; 6] =
    [Story::Hot, Story::Withdrawn, Story::Owner, Story::Silent, Story::Waiting, Story::SecondAccount];

impl Story {
    /// The story of a number in a run.
    pub fn of(run: u64, number: u64) -> Self {
        let told = usize::try_from(number).ok().filter(|_| run == 1).and_then(|number| TOLD.get(number));
        told.copied().unwrap_or(Story::Chance)
    }

    /// The number of a story.
    pub fn number(self) -> u64 {
        TOLD.iter().position(|story| *story == self).unwrap_or(TOLD.len()) as u64
    }

    /// Days ago at which a told life began; `None` where chance decides.
    pub fn began_days_ago(self) -> Option<u64> {
        match self {
            Story::Chance => None,
            Story::Hot | Story::Withdrawn => Some(14),
            Story::Owner => Some(1_130),
            Story::Silent => Some(700),
            Story::Waiting | Story::SecondAccount => Some(3),
        }
    }

    /// Whether it is told.
    pub fn is_told(self) -> bool {
        self != Story::Chance
    }

    /// What the story says, or what chance says where none is told.
    pub fn decides(self, chance: bool, told: impl FnOnce(Self) -> bool) -> bool {
        if self.is_told() { told(self) } else { chance }
    }

    /// Whether they leave a lead.
    pub fn leaves_lead(self) -> bool {
        self != Story::SecondAccount
    }

    /// Whether they allow marketing, at first.
    pub fn allows_marketing(self) -> bool {
        self != Story::Waiting
    }

    /// Whether they withdraw it.
    pub fn withdraws(self) -> bool {
        self == Story::Withdrawn
    }

    /// Whether they come to the store and drive.
    pub fn visits(self) -> bool {
        !matches!(self, Story::Waiting | Story::SecondAccount)
    }

    /// Whether they order.
    pub fn orders(self) -> bool {
        matches!(self, Story::Owner | Story::Silent)
    }

    /// Whether they come for service.
    pub fn comes_for_service(self) -> bool {
        self == Story::Owner
    }
}
