//! Zeros that take no room.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// So many zeros are written at once where there is no other way.
const ZEROS: usize = 256 * 1024;

/// Makes zeros of what a file has from there on, without room for them where its file system can. A file that was shorter
/// is as long as its last zero then. Where the file is written next is left as it happens to be.
///
/// # Errors
/// Where the file cannot be changed.
pub fn zero(file: &File, from: u64, length: u64) -> io::Result<()> {
    let end = from.saturating_add(length);
    let size = file.metadata()?.len();
    let there = size.min(end).saturating_sub(from);
    if there > 0 && punch(file, from, there).is_err() {
        write(file, from, there)?;
    }
    match size < end {
        true => file.set_len(end),
        false => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn punch(file: &File, from: u64, length: u64) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};

    let too_far = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let from = i64::try_from(from).map_err(too_far)?;
    let length = i64::try_from(length).map_err(too_far)?;
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    Ok(fallocate(file, flags, from, length)?)
}

#[cfg(not(target_os = "linux"))]
fn punch(_file: &File, _from: u64, _length: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn write(mut file: &File, from: u64, length: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS];
    file.seek(SeekFrom::Start(from))?;
    let mut left = length;
    while left > 0 {
        let now = left.min(ZEROS as u64);
        file.write_all(&zeros[..now as usize])?;
        left -= now;
    }
    Ok(())
}
