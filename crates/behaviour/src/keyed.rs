use std::collections::HashMap;

/// Something per key of rows. Most calls ask for the key of the call before.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<T> {
    list: Vec<(u32, T)>,
    places: HashMap<u32, usize>,
    last: usize,
}

impl<T> Keyed<T> {
    pub fn new() -> Keyed<T> {
        Keyed { list: Vec::new(), places: HashMap::new(), last: 0 }
    }

    #[inline]
    pub fn of(&mut self, key: u32, make: impl FnOnce() -> T) -> &mut T {
        if self.list.get(self.last).is_none_or(|(other, _)| *other != key) {
            self.last = *self.places.entry(key).or_insert_with(|| {
                self.list.push((key, make()));
                self.list.len() - 1
            });
        }
        &mut self.list[self.last].1
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter().map(|(_, each)| each)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn into_list(self) -> Vec<(u32, T)> {
        self.list
    }

    /// By key.
    pub fn into_sorted(self) -> Vec<(u32, T)> {
        let mut list = self.list;
        list.sort_unstable_by_key(|(key, _)| *key);
        list
    }
}
