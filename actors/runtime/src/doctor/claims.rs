//! Claims: every identifier of a live customer leads to them, and every claim leads to a live customer who has it.
//!
//! Each link of a live customer is looked up. A claim leads to one customer, so as many claims as links that lead home
//! prove that no claim is left over; only where the numbers differ are the claims walked over one by one.

use crate::claim::read_claim;
use crate::doctor::Repair;
use crate::doctor::lineage::{End, end_of};
use crate::doctor::repair::{Guard, RowChange, Step};
use crate::doctor::report::{FINDINGS_KEPT_MAX, Finding};
use crate::doctor::{Exam, PAGE, Seen};
use crate::ports::{Fault, Item, ItemKey, Space};
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, TenantId};
use std::collections::BTreeSet;

const NAME: &str = "claims";
const LOST: &str = "events that carry this identifier found a second person instead of reaching this one";

/// What the walk has counted.
pub(crate) struct Claims {
    tenant: TenantId,
    home: u64,
    /// Claims that are there and were found wrong by somebody's link: the walk over claims need not find them again.
    wrong: BTreeSet<IdentifierKey>,
}

impl Claims {
    pub(crate) const fn new(tenant: TenantId) -> Self {
        Self { tenant, home: 0, wrong: BTreeSet::new() }
    }

    /// Looks up every identifier of a live customer.
    pub(crate) async fn row(&mut self, exam: &mut Exam<'_>, seen: &Seen) -> Result<(), Fault> {
        if !seen.row.state.is_live() {
            return Ok(());
        }
        let keys: BTreeSet<IdentifierKey> = seen.row.state.links.iter().map(|link| link.identifier.key()).collect();
        for key in keys {
            self.link(exam, seen, key).await?;
        }
        Ok(())
    }

    async fn link(&mut self, exam: &mut Exam<'_>, seen: &Seen, key: IdentifierKey) -> Result<(), Fault> {
        let mine = seen.row.state.id;
        let item = exam.engine.store.load(&ItemKey::claim(self.tenant, &key)).await?;
        let claim = item.as_ref().map(read_claim);
        let give = |version| Step::Claim { tenant: self.tenant, key, version, owner: Some(mine), row: seen.guard() };
        let (code, detail, repair) = match (item, claim) {
            (Some(_), Some(Ok(claim))) if claim.owner == mine && !claim.released => {
                self.home += 1;
                return Ok(());
            }
            (Some(item), Some(Ok(claim))) if claim.released => {
                let detail = format!("{mine} has it, and it was released: it leads nowhere");
                ("claim_astray", detail, give(Some(item.version)))
            }
            (Some(item), Some(Ok(claim))) => match end_of(exam.engine, self.tenant, claim.owner).await? {
                End::Live(row) if row.state.id == mine => {
                    self.home += 1;
                    return Ok(());
                }
                End::Live(row) if row.state.owns(&key) => {
                    let other = row.state.id;
                    let what = RowChange::Unlink { identifier: key, to: other };
                    let detail = format!("{mine} has it too, but it leads to {other}");
                    ("claim_two_owners", detail, Step::row(seen, what))
                }
                end => {
                    let detail = format!("{mine} has it, but it leads to {}", end.told());
                    ("claim_astray", detail, give(Some(item.version)))
                }
            },
            (Some(item), _) => {
                ("claim_unreadable", format!("the claim of {mine} cannot be read"), give(Some(item.version)))
            }
            (None, _) => ("claim_missing", format!("{mine} has it, but nothing leads to them"), give(None)),
        };
        let means = if code == "claim_two_owners" {
            "one of the two shows an identifier by which they cannot be found; the claim decides whose it is"
        } else {
            LOST
        };
        if code != "claim_missing" && code != "claim_two_owners" && self.wrong.len() < FINDINGS_KEPT_MAX {
            self.wrong.insert(key);
        }
        let (tenant, subject) = (Some(self.tenant), format!("{key:?}"));
        exam.report.add(Finding { check: NAME, code, tenant, subject, detail, means, repair: Some(Repair(repair)) });
        Ok(())
    }

    /// Counts the claims, and looks at each where there are more than lead home.
    pub(crate) async fn finish(self, exam: &mut Exam<'_>) -> Result<(), Fault> {
        let claims = self.walk(exam, false).await?;
        exam.report.looked(NAME, claims);
        if claims != self.home + self.wrong.len() as u64 {
            self.walk(exam, true).await?;
        }
        Ok(())
    }

    async fn walk(&self, exam: &mut Exam<'_>, each: bool) -> Result<u64, Fault> {
        let (mut count, mut after) = (0, None::<Vec<u8>>);
        loop {
            let page = exam.engine.store.scan(Space::Claim, self.tenant, &[], after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(last.local().to_vec());
            // What was unbound on purpose leads nowhere and is nobody's.
            let leads = |(_, item): &&(ItemKey, Item)| !read_claim(item).is_ok_and(|claim| claim.released);
            count += page.iter().filter(leads).count() as u64;
            if each {
                for (key, item) in &page {
                    self.claim(exam, key, item).await?;
                }
            }
        }
    }

    /// A claim that no live customer's link has vouched for leads to nobody, or to somebody who does not have it.
    async fn claim(&self, exam: &mut Exam<'_>, place: &ItemKey, item: &Item) -> Result<(), Fault> {
        if IdentifierKey::from_bytes(place.local()).is_some_and(|key| self.wrong.contains(&key)) {
            return Ok(());
        }
        let (Some(key), Ok(claim)) = (IdentifierKey::from_bytes(place.local()), read_claim(item)) else {
            crate::doctor::unreadable::found(exam, place, None, item.version);
            return Ok(());
        };
        if claim.released {
            return Ok(());
        }
        let end = end_of(exam.engine, self.tenant, claim.owner).await?;
        let owner = match &end {
            End::Live(row) if row.state.owns(&key) => return Ok(()),
            End::Live(row) => Guard::row(&ActorKey::customer(self.tenant, row.state.id), Some(row.version)),
            End::Nobody(id) => Guard::row(&ActorKey::customer(self.tenant, *id), None),
            // Whose it is cannot be known before that row can be read again.
            End::Unreadable(_) | End::Endless => Guard::row(&ActorKey::customer(self.tenant, claim.owner), None),
        };
        let version = Some(item.version);
        let free = Step::Claim { tenant: self.tenant, key, version, owner: None, row: owner };
        let repair = match end {
            End::Live(_) | End::Nobody(_) => Some(free),
            End::Unreadable(_) | End::Endless => None,
        };
        let detail = match end.live() {
            Some(id) => format!("it leads to {id}, who does not have it"),
            None => format!("it leads to {}", end.told()),
        };
        exam.report.add(Finding {
            check: NAME,
            code: "claim_without_owner",
            tenant: Some(self.tenant),
            subject: format!("{key:?}"),
            detail,
            means: "events that carry this identifier go round in circles and end in the dead letters",
            repair: repair.map(Repair),
        });
        Ok(())
    }
}
