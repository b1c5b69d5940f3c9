//! Who is who, decided by people: suggested merges, merging, undoing a merge, and what an undoing could not tell apart.

pub(crate) mod conflicts;
mod merge;
pub(crate) mod policy;
mod preview;
pub(crate) mod reviews;
mod unbind;
mod unmerge;

pub(crate) use merge::merge;
pub(crate) use preview::preview;
pub(crate) use unbind::unbind;
pub(crate) use unmerge::unmerge;

use crate::fields::Fields;
use roadbook_kernel::CustomerId;

/// Two different profile ids in the field `customers`.
fn pair(fields: &mut Fields) -> Option<[CustomerId; 2]> {
    let value = fields.required("customers")?;
    let ids: Option<Vec<CustomerId>> =
        value.as_array().map(|list| list.iter().filter_map(|id| id.as_str()?.parse().ok()).collect());
    let length = value.as_array().map_or(0, Vec::len);
    match ids.as_deref() {
        Some(&[a, b]) if length == 2 && a != b => Some([a, b]),
        _ => {
            fields.wrong("customers", "bad_id", "expected a list of two different profile ids, `cus_...`");
            None
        }
    }
}

/// A profile id in a field.
fn profile(fields: &mut Fields, name: &str) -> Option<CustomerId> {
    let id = fields.text(name)?.parse().ok();
    if id.is_none() {
        fields.wrong(name, "bad_id", "expected a profile id, `cus_...`");
    }
    id
}
