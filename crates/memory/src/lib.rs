//! A memory budget for request and response bodies: one for the whole process, with a share for each
//! user. What exceeds it is refused before it is read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

mod cost;
mod form;
mod held;
mod pace;
mod read;

pub use cost::json_cost;
pub use form::{Field, Form, FormError};
pub use held::Held;
pub use pace::{IDLE, Pace};
pub use read::{Buffer, ReadError, read};

/// The share of one user, as a divisor of the budget.
const USER_SHARE: usize = 4;
/// The share of all callers without an access token together.
const ANONYMOUS_SHARE: usize = 8;
/// The last part of the budget is reserved for holders of small amounts, so that large bodies cannot
/// block them.
const RESERVED_SHARE: usize = 8;
const SMALL_HOLDER: usize = 1 << 20;

/// A memory budget. Clones share it.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    total: usize,
    held: Mutex<Total>,
}

#[derive(Default)]
struct Total {
    bytes: usize,
    by_holder: HashMap<Holder, usize>,
}

/// Who is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A signed-in user.
    User(Uuid),
    /// All callers without an access token together.
    Anonymous,
    /// The server itself, which is limited only by the whole budget.
    Server,
}

/// Why bytes do not fit into the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// The budget is exhausted.
    #[error("the memory for bodies and answers is in use")]
    Budget,
    /// The holder's share is exhausted.
    #[error("the caller's share of the memory for bodies and answers is in use")]
    Share,
    /// More than the holder's whole share.
    #[error("more than one caller's share of the memory for bodies and answers")]
    Never,
}

/// A number of bytes that is charged to a holder until this is dropped.
#[derive(Debug)]
pub struct Charge {
    memory: Memory,
    holder: Holder,
    bytes: usize,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.held(), self.inner.total)
    }
}

impl Memory {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        Self { inner: Arc::new(Inner { total, held: Mutex::default() }) }
    }

    /// An empty charge of this holder.
    pub fn charge(&self, holder: Holder) -> Charge {
        Charge { memory: self.clone(), holder, bytes: 0 }
    }

    /// The budget in bytes.
    pub fn limit(&self) -> usize {
        self.inner.total
    }

    /// The bytes charged at the moment.
    pub fn held(&self) -> usize {
        self.total().bytes
    }

    fn total(&self) -> MutexGuard<'_, Total> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self, holder: Holder) -> usize {
        match holder {
            Holder::User(_) => self.inner.total / USER_SHARE,
            Holder::Anonymous => self.inner.total / ANONYMOUS_SHARE,
            Holder::Server => self.inner.total,
        }
    }

    fn check(&self, held: &Total, holder: Holder, bytes: usize) -> Result<(), Full> {
        let share = self.share(holder);
        let own = held.by_holder.get(&holder).copied().unwrap_or(0).saturating_add(bytes);
        let total = self.inner.total;
        let room = if own > SMALL_HOLDER { total - total / RESERVED_SHARE } else { total };
        match () {
            () if bytes > share => Err(Full::Never),
            () if own > share => Err(Full::Share),
            () if held.bytes.saturating_add(bytes) > room => Err(Full::Budget),
            () => Ok(()),
        }
    }
}

impl Charge {
    /// Checks whether this many more bytes would fit at the moment.
    pub fn fits(&self, bytes: usize) -> Result<(), Full> {
        self.memory.check(&self.memory.total(), self.holder, bytes)
    }

    /// Charges more bytes, if they fit.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let mut held = self.memory.total();
        self.memory.check(&held, self.holder, bytes)?;
        held.add(self.holder, bytes);
        drop(held);
        self.bytes += bytes;
        Ok(())
    }

    /// Charges more bytes that are already in memory.
    pub fn grow_unchecked(&mut self, bytes: usize) {
        self.memory.total().add(self.holder, bytes);
        self.bytes += bytes;
    }

    /// Releases some of its bytes.
    pub fn shrink(&mut self, bytes: usize) {
        let mut released = self.sibling();
        released.bytes = bytes.min(self.bytes);
        self.bytes -= released.bytes;
    }

    /// Takes over the bytes of another charge of the same holder.
    fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Releases all bytes.
    pub fn clear(&mut self) {
        *self = self.sibling();
    }

    /// An empty charge of the same holder.
    pub fn sibling(&self) -> Self {
        self.memory.charge(self.holder)
    }

    /// Converts to `Bytes`, charged as long as any part of them is in use.
    pub fn keep(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        if bytes.as_ref().is_empty() {
            Bytes::new()
        } else {
            Bytes::from_owner(ChargedBytes(bytes, self))
        }
    }
}

impl Total {
    fn add(&mut self, holder: Holder, bytes: usize) {
        if bytes > 0 {
            self.bytes += bytes;
            *self.by_holder.entry(holder).or_default() += bytes;
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.memory.total();
        held.bytes -= self.bytes;
        if let Entry::Occupied(mut own) = held.by_holder.entry(self.holder) {
            *own.get_mut() -= self.bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// Bytes and their charge.
struct ChargedBytes<B>(B, #[expect(dead_code, reason = "its end is what counts")] Charge);

impl<B: AsRef<[u8]>> AsRef<[u8]> for ChargedBytes<B> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests;
