//! The folder under the schedules: opened once for many of them, emptied before each.

use roadbook_embedded::Embedded;
use roadbook_embedded::schedules::Folder;
use std::cell::RefCell;
use std::rc::Rc;

/// Schedules over one folder: what was removed leaves tombstones, which every search then reads.
const SCHEDULES_MAX: u32 = 100;

struct Ground {
    folder: Rc<Folder>,
    uses: u32,
    /// Removed from the disk when the next takes its place.
    _place: tempfile::TempDir,
}

thread_local! {
    static GROUND: RefCell<Option<Ground>> = const { RefCell::new(None) };
}

/// An empty folder for the next schedule.
///
/// # Panics
/// Where the disk does not serve.
pub fn lay() {
    GROUND.with_borrow_mut(|ground| {
        if ground.as_ref().is_none_or(|ground| ground.uses >= SCHEDULES_MAX) {
            // The old one goes first: it holds threads.
            ground.take();
            let place = memory().expect("a temporary folder");
            let folder = Rc::new(Folder::open(place.path()).expect("a folder that opens"));
            *ground = Some(Ground { folder, uses: 0, _place: place });
        }
        let ground = ground.as_mut().expect("laid above");
        ground.uses += 1;
        ground.folder.empty().expect("a folder that can be emptied");
    });
}

/// Nothing is synced here and nothing must survive: in memory where the system has such a place.
fn memory() -> std::io::Result<tempfile::TempDir> {
    let builder = || tempfile::Builder::new().prefix("roadbook-sched-").to_owned();
    builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir())
}

/// Whatever the last schedule left is not to be trusted: it failed in the middle.
pub fn leave() {
    GROUND.with_borrow_mut(|ground| drop(ground.take()));
}

/// A process over the folder.
///
/// # Panics
/// Outside a schedule.
pub fn process() -> Embedded {
    let folder = GROUND.with_borrow(|ground| ground.as_ref().expect("laid before the schedule").folder.clone());
    folder.process().expect("a process over the folder")
}
