//! How sure a producer says it is of an identifier: `context.roadbook.evidence`, such as `{"phone": "attested"}`.

use crate::dto::Event;
use crate::rejected::{Flaw, step};
use roadbook_identity::{Grade, Kind};

/// The grades an event states. A write key stands in apps and pages, where anybody can read it: what it calls attested
/// or a login counts as declared, and two people do not become one by it.
pub(crate) fn read(event: &Event<'_>, trusted: bool) -> Result<Vec<(Kind, Grade)>, Flaw> {
    let own = event.context.get().and_then(|context| context.roadbook.get());
    let Some(stated) = own.and_then(|own| own.evidence.get()) else { return Ok(Vec::new()) };
    let mut grades = Vec::with_capacity(stated.len().min(Kind::ALL.len()));
    for (name, grade) in stated {
        let short: String = name.chars().take(40).collect();
        let at = || format!("/context/roadbook/evidence/{}", step(&short));
        let kind: Kind = name.parse().map_err(|unknown: roadbook_identity::UnknownKind| {
            Flaw::new("unknown_identifier_kind", at(), unknown.to_string())
        })?;
        let grade: Option<Grade> = grade.as_str().and_then(|grade| grade.parse().ok());
        let unknown = || Flaw::new("unknown_evidence", at(), "write one of: inferred, declared, login, attested");
        let grade = grade.ok_or_else(unknown)?;
        grades.push((kind, if trusted { grade } else { grade.min(Grade::Declared) }));
    }
    grades.sort_unstable();
    grades.dedup_by_key(|(kind, _)| *kind);
    Ok(grades)
}
