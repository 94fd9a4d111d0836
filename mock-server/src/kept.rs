//! A map that is bounded in keys.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Keys that are kept.
const KEPT: usize = 10_000;

/// A map that forgets its oldest keys.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            map: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// The value of a key.
    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// The value of a key, to be changed.
    pub(crate) fn find_mut(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    /// Keeps a value; the oldest key goes when there are too many.
    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, key: &K) {
        if self.map.remove(key).is_some() {
            self.order.retain(|kept| kept != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_keys_go_first_and_a_new_value_keeps_its_place() {
        let mut kept = Kept::default();
        for key in 0..=KEPT {
            kept.put(key, key);
        }
        assert_eq!((kept.find(&0), kept.find(&1)), (None, Some(&1)));
        kept.put(1, 7);
        kept.put(KEPT + 1, 0);
        assert_eq!((kept.find(&1), kept.map.len()), (None, KEPT));
        kept.remove(&2);
        assert_eq!((kept.map.len(), kept.order.len()), (KEPT - 1, KEPT - 1));
    }
}
