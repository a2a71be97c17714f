//! Which files, and how it goes on, as it is typed.

use clap::ArgGroup;
use proto::filexfer::native::message::{Course, Filter, Pattern};

use crate::filter::{FilterError, Filters};

/// Which files of all that there are.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Choosing {
    /// Only files that this matches, and those in folders that it matches; as in .gitignore (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(crate) include: Vec<Pattern>,
    /// No files and folders that this matches, such as '*.tmp', target/ or /raw; as in .gitignore (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(crate) exclude: Vec<Pattern>,
    /// Nothing that files of this name leave out of the folder that they are in, such as .gitignore (repeatable)
    #[arg(long, value_name = "NAME", value_parser = file_name)]
    pub(crate) ignore_file: Vec<Pattern>,
}

impl Choosing {
    /// All of them.
    ///
    /// # Errors
    /// Where a pattern makes no sense.
    pub(crate) fn filters(&self) -> Result<Vec<Filter>, FilterError> {
        let include = self.include.iter().cloned().map(Filter::Include);
        let exclude = self.exclude.iter().cloned().map(Filter::Exclude);
        let ignored = self.ignore_file.iter().cloned().map(Filter::IgnoreFile);
        let filters: Vec<_> = include.chain(exclude).chain(ignored).collect();
        Filters::new(&filters)?;
        Ok(filters)
    }
}

/// How far a transfer goes, for the side that connects.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(group = ArgGroup::new("going"))]
pub(crate) struct Going {
    /// Only show what would be done; nothing is changed at either side
    #[arg(short = 'n', long, group = "going")]
    pub(crate) dry_run: bool,
    /// Go on as files change, until it is interrupted
    #[arg(long, group = "going")]
    pub(crate) watch: bool,
}

impl Going {
    /// What the other side is told.
    pub(crate) fn course(self) -> Course {
        match self {
            Self { dry_run: true, .. } => Course::Preview,
            Self { watch: true, .. } => Course::Follow,
            _ => Course::Once,
        }
    }
}

pub(super) fn pattern(text: &str) -> Result<Pattern, &'static str> {
    text.to_owned().try_into()
}

fn file_name(text: &str) -> Result<Pattern, &'static str> {
    match text {
        "." | ".." => Err("expected the name of a file"),
        _ if text.contains('/') => {
            Err("expected a name without its folders: it is looked for in each")
        }
        _ => pattern(text),
    }
}
