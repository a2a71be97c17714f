//! Holes: parts of files that read as zeros and have no room on the disk.

use std::fs::File;
use std::io;
use std::ops::Range;

/// The next hole of at least `least` bytes that begins at `from` or behind it, or around it; `None` where there is none
/// before `size`, or the system does not tell. It is within `from..size`.
///
/// The place at which the file is read next is another one afterwards.
///
/// # Errors
/// As the system has them.
pub fn next_hole(
    file: &File,
    mut from: u64,
    size: u64,
    least: u64,
) -> io::Result<Option<Range<u64>>> {
    while let Some(start) = seek::hole(file, from)?.filter(|start| *start < size) {
        let end = seek::data(file, start)?.map_or(size, |end| end.min(size));
        if end.saturating_sub(start) >= least {
            return Ok(Some(start..end));
        }
        if end <= from {
            break; // It was cut off meanwhile.
        }
        from = end;
    }
    Ok(None)
}

#[cfg(any(target_os = "linux", target_os = "freebsd", target_vendor = "apple"))]
mod seek {
    use std::fs::File;
    use std::io;

    use nix::errno::Errno;
    use nix::unistd::{Whence, lseek};

    /// Where the next hole begins, which may be the end of the file; `None` behind that.
    pub(super) fn hole(file: &File, from: u64) -> io::Result<Option<u64>> {
        to(file, from, Whence::SeekHole)
    }

    /// Where data begin; `None` where none follow.
    pub(super) fn data(file: &File, from: u64) -> io::Result<Option<u64>> {
        to(file, from, Whence::SeekData)
    }

    fn to(file: &File, from: u64, whence: Whence) -> io::Result<Option<u64>> {
        let Ok(from) = from.try_into() else {
            return Ok(None); // The system cannot say places so far behind.
        };
        match lseek(file, from, whence) {
            Ok(at) => Ok(u64::try_from(at).ok()),
            Err(Errno::ENXIO | Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Other systems tell nothing of holes.
#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_vendor = "apple")))]
mod seek {
    use std::fs::File;
    use std::io;

    pub(super) fn hole(_: &File, _: u64) -> io::Result<Option<u64>> {
        Ok(None)
    }

    pub(super) fn data(_: &File, _: u64) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Where something begins and ends.
    type Places = &'static [(u64, u64)];

    /// A file with data in these places.
    fn sparse(name: &str, size: u64, data: Places) -> File {
        let unique = format!("plumbline-holes-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        file.set_len(size).unwrap();
        for (start, end) in data {
            let bytes = vec![7; (end - start) as usize];
            file.write_all_at(&bytes, *start).unwrap();
        }
        file
    }

    fn holes(file: &File, size: u64) -> Vec<(u64, u64)> {
        let (mut holes, mut from) = (Vec::new(), 0);
        while let Some(hole) = next_hole(file, from, size, 64 * 1024).unwrap() {
            from = hole.end;
            holes.push((hole.start, hole.end));
        }
        holes
    }

    #[test]
    fn holes_at_the_beginning_in_the_middle_and_at_the_end() {
        const HALF: u64 = MIB / 2;
        let table: [(&str, u64, Places, Places); 7] = [
            ("none", MIB, &[(0, MIB)], &[]),
            ("empty", 0, &[], &[]),
            ("all", 5 * MIB, &[], &[(0, 5 * MIB)]),
            ("first", 2 * MIB, &[(MIB, 2 * MIB)], &[(0, MIB)]),
            ("last", 2 * MIB + 5, &[(0, MIB)], &[(MIB, 2 * MIB + 5)]),
            (
                "two",
                5 * MIB,
                &[(MIB, 2 * MIB), (3 * MIB, 4 * MIB)],
                &[(0, MIB), (2 * MIB, 3 * MIB), (4 * MIB, 5 * MIB)],
            ),
            ("short", MIB, &[(0, HALF), (HALF + 32 * 1024, MIB)], &[]),
        ];
        for (name, size, data, expected) in table {
            let file = sparse(name, size, data);
            assert_eq!(holes(&file, size), expected, "{name}");
        }
    }

    #[test]
    fn within_a_hole_and_behind_the_end() {
        let file = sparse("within", 4 * MIB, &[(3 * MIB, 4 * MIB)]);
        let next = |from, size| next_hole(&file, from, size, 1).unwrap();
        assert_eq!(next(MIB, 4 * MIB), Some(MIB..3 * MIB));
        assert_eq!(next(0, MIB + 1), Some(0..MIB + 1));
        assert_eq!(next(3 * MIB, 4 * MIB), None);
        assert_eq!(next(9 * MIB, 10 * MIB), None);
        assert_eq!(next(u64::MAX, u64::MAX), None);
    }
}
