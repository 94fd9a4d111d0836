//! A cache bounded by bytes that forgets what was used longest ago.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Values with their cost in bytes.
pub(super) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys by the time of their last use.
    order: BTreeMap<u64, K>,
    /// Counts uses.
    clock: u64,
    bytes: usize,
    limit: usize,
}

struct Entry<V> {
    value: Arc<V>,
    cost: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// A cache of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            bytes: 0,
            limit,
        }
    }

    /// The value of a key, which counts as a use.
    pub(super) fn find(&mut self, key: &K) -> Option<Arc<V>> {
        let entry = self.entries.get_mut(key)?;
        self.clock += 1;
        self.order.remove(&entry.used);
        self.order.insert(self.clock, key.clone());
        entry.used = self.clock;
        Some(Arc::clone(&entry.value))
    }

    /// Keeps a value, unless it alone is over the limit.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>, cost: usize) {
        if cost > self.limit {
            return;
        }
        self.clock += 1;
        let used = self.clock;
        self.order.insert(used, key.clone());
        self.bytes += cost;
        if let Some(old) = self.entries.insert(key, Entry { value, cost, used }) {
            self.order.remove(&old.used);
            self.bytes -= old.cost;
        }
        while self.bytes > self.limit {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= entry.cost;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_used_longest_ago() {
        let mut cache = Cache::new(10);
        cache.insert("a", Arc::new(1), 4);
        cache.insert("b", Arc::new(2), 4);
        assert!(cache.find(&"a").is_some());
        cache.insert("c", Arc::new(3), 4);
        assert!(cache.find(&"b").is_none());
        cache.insert("a", Arc::new(4), 6);
        cache.insert("d", Arc::new(5), 11);
        assert_eq!(cache.find(&"a").as_deref(), Some(&4));
        assert!(cache.find(&"c").is_some());
        assert!(cache.find(&"d").is_none());
        assert_eq!(
            (cache.bytes, cache.entries.len(), cache.order.len()),
            (10, 2, 2)
        );
    }
}
