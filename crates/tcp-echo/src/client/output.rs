//! Standard output for a stream: a terminal gets text that cannot harm it, anything else the bytes as they came.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use runtime::cli::raw_stdout;
use runtime::escape::EscapedStream;

pub(super) enum Output {
    Terminal(EscapedStream),
    Raw(File),
}

impl Output {
    pub(super) fn new() -> io::Result<Self> {
        if io::stdout().is_terminal() {
            Ok(Self::Terminal(EscapedStream::default()))
        } else {
            raw_stdout().map(Self::Raw)
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Raw(file) => file.write_all(bytes),
            Self::Terminal(stream) => show(|text| stream.push(bytes, text)),
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Raw(_) => Ok(()),
            Self::Terminal(stream) => show(|text| stream.finish(text)),
        }
    }
}

fn show(fill: impl FnOnce(&mut String)) -> io::Result<()> {
    let mut text = String::new();
    fill(&mut text);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
