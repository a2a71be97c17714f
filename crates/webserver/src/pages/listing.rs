//! What is in a folder, in an order that people expect.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use runtime::beneath::{Entry, Kind};

use super::view::{By, Order, View};

/// The most entries that are shown of a folder.
pub(super) const MOST: usize = 10_000;

/// What is in a folder, ready to be written.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    /// The path of the folder as it was asked for and decoded, without `/` at its ends; the root's is empty.
    pub(super) path: &'a [u8],
    pub(super) view: View,
    /// In order.
    pub(super) entries: Vec<Entry>,
    /// Whether there are more, which are left out.
    pub(super) cut: bool,
    /// Whose day and hour it is.
    pub(super) zone: &'a TimeZone,
}

impl<'a> Listing<'a> {
    /// Sorts what is in a folder; of too many entries it keeps the first that it was given.
    pub(super) fn new(
        path: &'a [u8],
        mut entries: Vec<Entry>,
        view: View,
        zone: &'a TimeZone,
    ) -> Self {
        let cut = entries.len() > MOST;
        entries.truncate(MOST);
        sort(&mut entries, view);
        Self {
            path,
            view,
            entries,
            cut,
            zone,
        }
    }

    /// The names that lead to the folder.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
        let names = self.path.split(|byte| *byte == b'/');
        names.filter(|name| !name.is_empty())
    }

    /// How many folders and files there are, and how long the files are together.
    pub(super) fn sums(&self) -> (usize, usize, u64) {
        let mut sums = (0, 0, 0u64);
        for entry in &self.entries {
            match entry.kind {
                Kind::Folder => sums.0 += 1,
                Kind::File(length) => {
                    sums.1 += 1;
                    sums.2 = sums.2.saturating_add(length);
                }
            }
        }
        sums
    }
}

/// What an entry is sorted by: folders first, then what the view says, then the name.
struct Key {
    is_file: bool,
    length: u64,
    modified: SystemTime,
    name: String,
    exact: Vec<u8>,
}

fn sort(entries: &mut [Entry], view: View) {
    let turned = |order: Ordering| match view.order {
        Order::Ascending => order,
        Order::Descending => order.reverse(),
    };
    entries.sort_by_cached_key(|entry| Sorted(key(entry), view.by, turned));
}

fn key(entry: &Entry) -> Key {
    let length = match entry.kind {
        Kind::File(length) => Some(length),
        Kind::Folder => None,
    };
    Key {
        is_file: length.is_some(),
        length: length.unwrap_or(0),
        modified: entry.modified,
        name: entry.name.to_string_lossy().to_lowercase(),
        exact: entry.name.as_bytes().to_vec(),
    }
}

/// A key in the order that is wanted.
struct Sorted<F>(Key, By, F);

impl<F: Fn(Ordering) -> Ordering> Sorted<F> {
    fn compare(&self, other: &Self) -> Ordering {
        let (one, two) = (&self.0, &other.0);
        let by_name = || natural(&one.name, &two.name).then_with(|| one.exact.cmp(&two.exact));
        let wanted = match self.1 {
            By::Name => (self.2)(by_name()),
            By::Size => (self.2)(one.length.cmp(&two.length)),
            By::Modified => (self.2)(one.modified.cmp(&two.modified)),
        };
        let folders = one.is_file.cmp(&two.is_file);
        folders.then(wanted).then_with(by_name)
    }
}

impl<F: Fn(Ordering) -> Ordering> Ord for Sorted<F> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl<F: Fn(Ordering) -> Ordering> PartialOrd for Sorted<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F: Fn(Ordering) -> Ordering> PartialEq for Sorted<F> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<F: Fn(Ordering) -> Ordering> Eq for Sorted<F> {}

/// Compares as people do, who put `9` before `10`.
fn natural(one: &str, two: &str) -> Ordering {
    let (mut one, mut two) = (one.as_bytes(), two.as_bytes());
    while let (Some(a), Some(b)) = (one.first(), two.first()) {
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (number, other) = (take_number(&mut one), take_number(&mut two));
            number.len().cmp(&other.len()).then(number.cmp(other))
        } else {
            let order = a.cmp(b);
            (one, two) = (&one[1..], &two[1..]);
            order
        };
        if order.is_ne() {
            return order;
        }
    }
    one.len().cmp(&two.len())
}

/// Takes the digits at the beginning away, and gives those after the leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use proto::http::Fields;

    use super::*;

    pub(in crate::pages) static UTC: TimeZone = TimeZone::UTC;

    pub(in crate::pages) fn entry(name: &str, kind: Kind, age: u64) -> Entry {
        let day = Duration::from_secs(1_795_000_000 - age * 86_400);
        Entry {
            name: name.into(),
            kind,
            modified: SystemTime::UNIX_EPOCH + day,
        }
    }

    pub(in crate::pages) fn entries() -> Vec<Entry> {
        vec![
            entry("file10.txt", Kind::File(5), 3),
            entry("File2.txt", Kind::File(5), 1),
            entry("a.png", Kind::File(2_000_000), 2),
            entry("zoo", Kind::Folder, 9),
            entry("Alpha", Kind::Folder, 8),
        ]
    }

    #[test]
    fn folders_come_first_in_every_order() {
        let table = [
            ("", ["Alpha", "zoo", "a.png", "File2.txt", "file10.txt"]),
            (
                "order=desc",
                ["zoo", "Alpha", "file10.txt", "File2.txt", "a.png"],
            ),
            (
                "sort=size",
                ["Alpha", "zoo", "a.png", "File2.txt", "file10.txt"],
            ),
            (
                "sort=size&order=asc",
                ["Alpha", "zoo", "File2.txt", "file10.txt", "a.png"],
            ),
            (
                "sort=modified",
                ["Alpha", "zoo", "File2.txt", "a.png", "file10.txt"],
            ),
            (
                "sort=modified&order=asc",
                ["zoo", "Alpha", "file10.txt", "a.png", "File2.txt"],
            ),
        ];
        for (query, expected) in table {
            let view = View::of(Some(query), &Fields::default());
            let listing = Listing::new(b"", entries(), view, &UTC);
            let names: Vec<_> = listing
                .entries
                .iter()
                .map(|entry| entry.name.to_str().unwrap())
                .collect();
            assert_eq!(names, expected, "{query}");
            assert_eq!(listing.sums(), (2, 3, 2_000_010));
        }
    }

    #[test]
    fn a_folder_of_too_many_is_cut() {
        let many = |count| vec![entry("a", Kind::Folder, 0); count];
        for (count, cut) in [(0, false), (MOST, false), (MOST + 1, true)] {
            let listing = Listing::new(b"", many(count), View::default(), &UTC);
            assert_eq!((listing.entries.len(), listing.cut), (count.min(MOST), cut));
        }
    }

    #[test]
    fn numbers_are_compared_as_such() {
        let sorted = ["", "a", "a1b", "a2", "a02b", "a10", "a10b", "b"];
        for (place, one) in sorted.iter().enumerate() {
            for (other, two) in sorted.iter().enumerate() {
                assert_eq!(natural(one, two), place.cmp(&other), "{one} {two}");
            }
        }
        assert_eq!(natural("a01", "a1"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn the_order_is_one(names in prop::collection::vec("[a-c0-9A]{0,6}", 0..20)) {
            let entries: Vec<_> = names.iter().map(|name| entry(name, Kind::File(0), 0)).collect();
            let sorted = |entries| Listing::new(b"", entries, View::default(), &UTC).entries;
            let turned = entries.iter().rev().cloned().collect();
            prop_assert_eq!(sorted(entries), sorted(turned));
        }
    }
}
