//! Bytes that nobody can guess.

use std::io;

/// Takes bytes from the system's generator for secrets.
///
/// # Errors
/// When the system has none.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    Ok(bytes)
}
