//! Connections by number.

/// Values that keep their number until they are removed; the numbers of removed ones are used again.
pub(crate) struct Slots<T> {
    values: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slots<T> {
    /// No values.
    pub(crate) fn new() -> Self {
        Self {
            values: Vec::new(),
            free: Vec::new(),
        }
    }

    /// The number that the next value gets.
    pub(crate) fn next_number(&self) -> usize {
        self.free.last().copied().unwrap_or(self.values.len())
    }

    /// Adds a value under the [next](Self::next_number) number.
    pub(crate) fn insert(&mut self, value: T) {
        match self.free.pop() {
            Some(number) => self.values[number] = Some(value),
            None => self.values.push(Some(value)),
        }
    }

    /// The value of this number.
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.values.get_mut(number)?.as_mut()
    }

    /// Drops the value of this number.
    pub(crate) fn remove(&mut self, number: usize) {
        if self.values.get_mut(number).and_then(Option::take).is_some() {
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let mut slots = Slots::new();
        slots.insert('a');
        slots.insert('b');
        slots.remove(0);
        slots.remove(0);
        assert_eq!(slots.get_mut(0), None);
        assert_eq!(slots.next_number(), 0);
        slots.insert('c');
        assert_eq!(slots.get_mut(0), Some(&mut 'c'));
        assert_eq!(slots.next_number(), 2);
    }
}
