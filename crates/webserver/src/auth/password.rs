//! `--hash-password`: a line for a file of users.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{bail, ensure};
use runtime::cli::{self, Exit};
use runtime::prompt;

use super::hash::Hash;

/// The longest password, in bytes: what a client can send.
const LONGEST: usize = 512;

/// Asks for a password and prints the line of this user.
///
/// # Errors
/// When there is no password, or it is not said twice alike.
pub(crate) fn hash_password(user: &str) -> anyhow::Result<Exit> {
    ensure!(
        !user.is_empty()
            && !user.contains(|c: char| c == ':' || c.is_control())
            && !user.starts_with('#'),
        "expected a user's name, which has no colon and does not begin with #"
    );
    let password = ask(user)?;
    ensure!(!password.is_empty(), "expected a password, and got none");
    ensure!(
        password.len() <= LONGEST && !password.contains(char::is_control),
        "expected a password of at most {LONGEST} bytes without control characters"
    );
    cli::announce(&format!("{user}:{}\n", Hash::of(&password)?.text()))?;
    Ok(Exit::Success)
}

/// A person is asked twice; from a pipe comes one line.
fn ask(user: &str) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let once = prompt::secret(&format!("password of {user}: "))?;
    let twice = prompt::secret("the same again: ")?;
    if once != twice {
        bail!("expected the same password twice");
    }
    Ok(once)
}
