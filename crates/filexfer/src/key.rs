//! Where the key comes from: a file, a code that is made here, or a person. Never the command line or the environment,
//! where others can see it.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use proto::filexfer::native::code::Code;
use proto::filexfer::{Key, MAX_KEY};
use runtime::random;

use crate::args::Keyed;

/// The longest line that is taken for a code, in bytes.
const MAX_LINE: u64 = 1024;

/// How often a person may mistype.
const ATTEMPTS: usize = 5;

/// The key of a side that listens.
#[derive(Debug)]
pub(crate) enum Offered {
    /// It is in a file, which the other side has too.
    File(Key),
    /// It was made for this occasion, and is to be shown.
    Code(Code),
}

impl Offered {
    /// The key in the file that was named, a new code where none was.
    pub(crate) fn new(keyed: &Keyed) -> anyhow::Result<Self> {
        match &keyed.key_file {
            Some(path) => Ok(Self::File(read(path)?)),
            None => {
                let seed = random::bytes().context("cannot get random numbers from the system")?;
                Ok(Self::Code(Code::new(seed)))
            }
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::File(key) => key.clone(),
            Self::Code(code) => code.key(),
        }
    }
}

/// What standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// Its first line may be the code.
    Free,
    /// What is to be sent: a code comes from the terminal alone.
    Data,
}

/// The key of a side that connects: in the file that was named, or asked for.
pub(crate) fn known(keyed: &Keyed, stdin: Stdin) -> anyhow::Result<Key> {
    match &keyed.key_file {
        Some(path) => read(path),
        None => Ok(ask(stdin)?.key()),
    }
}

fn ask(stdin: Stdin) -> anyhow::Result<Code> {
    match stdin {
        Stdin::Free if io::stdin().is_terminal() => {
            prompt(&mut io::stdin().lock(), &mut io::stderr().lock())
        }
        Stdin::Free => piped(&mut io::stdin().lock()),
        Stdin::Data => {
            let terminal = File::open(TERMINAL).context(
                "cannot ask for the code, since standard input is what is to be sent and there is no terminal: give \
                 --key-file",
            )?;
            prompt(&mut io::BufReader::new(terminal), &mut io::stderr().lock())
        }
    }
}

#[cfg(windows)]
const TERMINAL: &str = "CONIN$";
#[cfg(not(windows))]
const TERMINAL: &str = "/dev/tty";

/// Asks a person until the answer is a code.
fn prompt(input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<Code> {
    for _ in 0..ATTEMPTS {
        write!(out, "Code: ")?;
        out.flush()?;
        match line(input)?.map(|line| line.parse()) {
            Some(Ok(code)) => return Ok(code),
            Some(Err(error)) => writeln!(out, "{error}")?,
            None => break,
        }
    }
    bail!("there is no code: the other side shows it")
}

fn piped(input: &mut impl BufRead) -> anyhow::Result<Code> {
    let Some(line) = line(input)? else {
        bail!("expected the code in the first line of standard input, or a key with --key-file");
    };
    let code = line.parse();
    code.context(
        "cannot use the first line of standard input; a key that is no code comes with --key-file",
    )
}

/// The next line; `None` at the end.
fn line(input: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = Vec::new();
    let read = input.take(MAX_LINE).read_until(b'\n', &mut line);
    match read.context("cannot read the code")? {
        0 => Ok(None),
        _ => Ok(Some(String::from_utf8_lossy(&line).into_owned())),
    }
}

/// Reads the key that a file holds, without the end of its line.
fn read(path: &Path) -> anyhow::Result<Key> {
    let cannot = || format!("cannot use the key file {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    warn_of_readers(path, &file);
    let mut content = Vec::new();
    file.take(MAX_KEY as u64 + 3)
        .read_to_end(&mut content)
        .with_context(cannot)?;
    if content.pop_if(|byte| *byte == b'\n').is_some() {
        content.pop_if(|byte| *byte == b'\r');
    }
    Key::new(content).with_context(cannot)
}

#[cfg(unix)]
fn warn_of_readers(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    let others = |mode: u32| mode & 0o077 != 0;
    if let Ok(data) = file.metadata()
        && data.is_file()
        && others(data.permissions().mode())
    {
        let path = path.display();
        tracing::warn!("others on this machine can read the key file {path}: chmod 600 keeps it");
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_path: &Path, _file: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in the system's folder for such, which goes with it.
    struct Scrap(std::path::PathBuf);

    impl Scrap {
        fn new(name: &str, content: &[u8]) -> Self {
            let unique = format!("filexfer-key-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for Scrap {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn wire(key: &Key) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_key_file() {
        let longest = [b'k'; MAX_KEY];
        let with_end = [&longest[..], b"\r\n"].concat();
        let table: &[(&[u8], &[u8])] = &[
            (b"secret", b"secret"),
            (b"secret\n", b"secret"),
            (b"secret\r\n", b"secret"),
            (b"secret\n\n", b"secret\n"),
            (b" \xff\0\r", b" \xff\0\r"),
            (&with_end, &longest),
        ];
        for (place, (content, expected)) in table.iter().enumerate() {
            let file = Scrap::new(&place.to_string(), content);
            assert_eq!(wire(&read(&file.0).unwrap()), *expected);
        }
    }

    #[test]
    fn what_is_no_key_file() {
        let too_long = [b'k'; MAX_KEY + 1];
        let table: [(&str, &[u8]); 3] = [("empty", b""), ("blank", b"\n"), ("long", &too_long)];
        for (name, content) in table {
            let file = Scrap::new(name, content);
            let error = format!("{:#}", read(&file.0).unwrap_err());
            assert!(
                error.contains("expected a key of 1 to 1024 bytes"),
                "{error}"
            );
        }
        assert!(read(Path::new("/no/such/file")).is_err());
    }

    #[test]
    fn a_code_from_a_pipe() {
        let code = piped(&mut &b"Acid tunnel OYST\r\nand more"[..]).unwrap();
        assert_eq!(code.to_string(), "acid-tunnel-oyster");
        for wrong in [
            &b""[..],
            b"\n",
            b"acid tunnel\n",
            b"acid tunnel oystre\n",
            &[0xff; 5000],
        ] {
            assert!(piped(&mut { wrong }).is_err());
        }
    }

    #[test]
    fn a_person_may_mistype() {
        let mut shown = Vec::new();
        let mut typed = &b"acid tunel oyster\nacid tunnel oyster\n"[..];
        let code = prompt(&mut typed, &mut shown).unwrap();
        assert_eq!(code.to_string(), "acid-tunnel-oyster");
        let expected = "Code: 'tunel' is in no code: did you mean 'tunnel'?\nCode: ";
        assert_eq!(String::from_utf8(shown).unwrap(), expected);
        for no_code in [&b"\n\n\n\n\nacid tunnel oyster\n"[..], b""] {
            assert!(prompt(&mut { no_code }, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn a_code_is_made_where_no_file_is_named() {
        let keyed = Keyed {
            key_file: None,
            plain: false,
        };
        let [one, other] = [(); 2].map(|()| Offered::new(&keyed).unwrap());
        assert!(matches!(one, Offered::Code(_)));
        assert_ne!(wire(&one.key()), wire(&other.key()));
        assert!(!format!("{one:?}").contains('-'));
    }
}
