//! Limits of a condition, checked when it is parsed for saving. Stored conditions are read back without them, so
//! that lowering a limit never makes stored state unreadable.

/// Levels of conditions inside each other; the outermost is level 1.
pub const DEPTH_MAX: usize = 16;
/// Conditions in one condition, itself included.
pub const NODES_MAX: usize = 200;
/// Filters in one `where`.
pub const FILTERS_MAX: usize = 20;
/// Values in one `in` or `not_in`, and entries of every other list of words.
pub const CHOICES_MAX: usize = 200;
/// Steps of a `sequence`.
pub const STEPS_MAX: usize = 10;
/// Characters in the name of a trait, tag, event, property, stage or list.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters in a text to compare with.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// The largest count to compare with: it bounds what is kept per customer.
pub const COUNT_MAX: u32 = 1_000;
/// The longest window or relative date, in days: a hundred years.
pub const SPAN_DAYS_MAX: u32 = 36_500;
/// Problems reported for one condition.
pub const PROBLEMS_MAX: usize = 50;
