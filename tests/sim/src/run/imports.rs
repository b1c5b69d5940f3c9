//! Files of events: on their way in, and their lines in pieces, by whichever host comes to it.

use super::at_once;
use crate::host::Host;
use crate::plan::Plan;
use crate::task::{Done, Work};
use roadbook_jobs::{Format, Upload};
use roadbook_kernel::{HOUR_MS, MINUTE_MS, Moment, TenantId};
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Item, Space, Store};
use std::sync::Arc;

/// Bytes that arrive at once.
const ARRIVING: usize = 100_000;

/// A client sends a file, and waits until it is told that all of it is kept. `random` names it until then.
pub(super) fn uploading(host: &Host, plan: &Arc<Plan>, file: usize, random: [u8; 16]) -> (TenantId, Work) {
    let tenant = plan.tenants[plan.files[file].tenant];
    let (engine, plan) = (host.engine.clone(), plan.clone());
    let work = Box::pin(async move {
        let text = plan.files[file].text();
        let told = async {
            let mut upload = Upload::begin(&engine, tenant, Format::Ndjson, random).await?;
            for bytes in text.as_bytes().chunks(ARRIVING) {
                upload.push(bytes).await?;
            }
            upload.finish("an operator".into()).await
        };
        Done::Uploaded(told.await.map(|(job, _)| job.id).map_err(|error| error.to_string()))
    });
    (tenant, work)
}

/// When the files of a tenant need somebody.
#[derive(Clone, Copy)]
pub(super) enum FilesWait {
    /// At once.
    Now,
    /// One may have been given up half-way: when that is certain.
    Until(Moment),
}

impl FilesWait {
    /// The instant, seen from this one.
    pub(super) fn at(self, now: Moment) -> Moment {
        match self {
            Self::Now => now,
            Self::Until(at) => at,
        }
    }
}

/// Whether and when the files of a tenant need somebody.
pub(super) fn files_wait(memory: &Memory, tenant: TenantId) -> Option<FilesWait> {
    let found = |prefix: &str| {
        let scan = memory.scan(Space::Document, tenant, prefix.as_bytes(), None, 16);
        at_once(scan).and_then(Result::ok).unwrap_or_default()
    };
    if !found("jobopen/").is_empty() {
        return Some(FilesWait::Now);
    }
    let begun = |item: &Item| {
        let ms = item.body.as_ref().try_into().map_or(0, i64::from_be_bytes);
        Moment::from_millis(ms).plus_ms(HOUR_MS + MINUTE_MS)
    };
    found("upload/").iter().map(|(_, item)| begun(item)).min().map(FilesWait::Until)
}

/// The next piece of every job of a tenant.
pub(super) fn importing(host: &Host, tenant: TenantId, lines: usize) -> Work {
    let router = host.router.clone();
    Box::pin(async move {
        let _goes_on_where_it_was = roadbook_jobs::advance(&router, tenant, lines).await;
        Done::Looked { more: false }
    })
}
