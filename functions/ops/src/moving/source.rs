//! An installation that is read: nobody serves it, and everything it intends was carried.

use crate::folder;
use crate::place::Place;
use crate::running::undecided;
use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use roadbook_app::Tenants;
use roadbook_aws::Uncarried;
use roadbook_runtime::ports::{Piece, Whole};
use std::sync::Arc;

/// A source, opened.
pub struct Source {
    /// Everything in it.
    pub whole: Arc<dyn Whole>,
    /// The key its identifiers are hashed under.
    pub master: [u8; 32],
}

impl Source {
    /// Opens an installation to read all of it.
    ///
    /// # Errors
    /// It is being served, or turns of it wait for the relay.
    pub async fn open(place: &Place) -> Result<Self> {
        match place {
            Place::Folder(data) => {
                if !folder::store(data).is_dir() {
                    bail!("there is no store in {}; name the folder that is served with --data", data.display());
                }
                let master = folder::read_key(&folder::key(data))?;
                let store = folder::open(&folder::store(data))?;
                folder::must_be_carried(&store, data).await?;
                Ok(Self { whole: Arc::new(store), master })
            }
            Place::Stack(name) => {
                let stack = Stack::find(name).await?;
                stack.must_stand_still("what is written meanwhile would be missing").await?;
                let left = undecided(&stack).await?;
                if left > 0 {
                    bail!(
                        "{left} messages of {name} were accepted and are not decided: they are in its inbox only. Start it, and \
                         stop it by `roadbook-ops stop`, which waits for them. (What lies in a queue of dead letters does not \
                         travel either: `redrive` brings it back first.)"
                    );
                }
                let dynamo = Arc::new(stack.dynamo()?);
                let tenants = Tenants::new(dynamo.clone()).list().await.context("the list of tenants")?;
                let tenants: Vec<_> = tenants.into_iter().map(|tenant| tenant.id).collect();
                if Uncarried::read(&dynamo, &tenants, 1).await?.count() > 0 {
                    bail!(
                        "turns of {name} wait for the relay, and what they send and count is nowhere else yet. Wait a \
                         moment, or: roadbook-ops redrive --stack {name} --queue uncarried"
                    );
                }
                Ok(Self { master: stack.master().await?, whole: dynamo })
            }
        }
    }
}

/// Hands everything in a store that travels to somebody, in portions.
///
/// # Errors
/// A fault of the store, or what the other one says.
pub async fn walk(whole: &dyn Whole, portion: usize, mut each: impl FnMut(&Piece)) -> Result<()> {
    let mut place = None;
    loop {
        let (pieces, next) = whole.pieces(place.as_deref(), portion).await?;
        pieces.iter().filter(|piece| super::travels(piece)).for_each(&mut each);
        match next {
            Some(next) => place = Some(next),
            None => return Ok(()),
        }
    }
}
