//! Something that several steps stand on: made when the first asks, and not tried again where it failed.

use anyhow::{Result, anyhow};
use std::cell::RefCell;
use std::rc::Rc;

/// A value that is made at most once, or the reason it could not be.
pub struct Once<T>(RefCell<Option<Result<Rc<T>, String>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Once<T> {
    /// The value; makes it where nobody has yet.
    ///
    /// # Errors
    /// What making it failed with. The first asker is told everything, later ones only that it failed before.
    pub fn get(&self, what: &str, make: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
        if let Some(known) = &*self.0.borrow() {
            return known.clone().map_err(|first| anyhow!("{what} failed before: {first}"));
        }
        let made = make().map(Rc::new);
        let kept = match &made {
            Ok(value) => Ok(value.clone()),
            Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
        };
        *self.0.borrow_mut() = Some(kept);
        made
    }

    /// Takes the value out, where there is one.
    pub fn take(&self) -> Option<Rc<T>> {
        self.0.borrow_mut().take()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn it_is_made_once_and_fails_once() {
        let (good, bad) = (Once::default(), Once::<u8>::default());
        assert_eq!(*good.get("it", || Ok(1)).unwrap(), 1);
        assert_eq!(*good.get("it", || Ok(2)).unwrap(), 1);
        assert!(bad.get("it", || bail!("no\nmore")).unwrap_err().to_string().contains("more"));
        assert_eq!(bad.get("it", || Ok(3)).unwrap_err().to_string(), "it failed before: no");
    }
}
