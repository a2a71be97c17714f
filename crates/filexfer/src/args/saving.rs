//! How a sink saves, as it is typed.

use clap::ValueEnum;

use crate::sink::{Compare, Existing, LinkPolicy, Manner, Preserve, Superfluous, Sync, Update};

/// How a sink saves.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Saving {
    /// Replace other files that are there under the same name
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Remove what the other side has not got from the folders that it has; once all else is there. Nothing goes that a
    /// filter leaves out, nor where the other side cannot read all. What is there and differs needs --overwrite too
    #[arg(long)]
    pub(crate) delete: bool,
    /// Write what changed into the file that is there, which is neither the old one nor the new one meanwhile (needs
    /// --overwrite) [default: a new file takes its place]
    #[arg(long, requires = "overwrite")]
    pub(crate) in_place: bool,
    /// Compare files byte for byte, by their hashes, that have the same size and time too (needs --overwrite)
    #[arg(long, requires = "overwrite")]
    pub(crate) checksum: bool,
    /// Which symbolic links to make
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Links::Inside)]
    pub(crate) links: Links,
    /// What files keep beside their times and usual permissions, comma-separated
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) preserve: Vec<Preserved>,
    /// Do not wait until files are on the disk before they get their name
    #[arg(long)]
    pub(crate) no_sync: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Links {
    /// Those that lead to a place in the folder that is transferred
    Inside,
    /// Each as it is; none is ever followed
    All,
    /// None
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preserved {
    /// All permissions, whatever the umask
    Mode,
    /// setuid, setgid and the sticky bit
    Setuid,
    /// User and group, by their numbers (for root)
    Owner,
}

impl Saving {
    /// What it means; the rest is as usual.
    pub(crate) fn manner(&self) -> Manner {
        Manner {
            existing: match self.overwrite {
                true => Existing::Overwrite,
                false => Existing::Keep,
            },
            sync: match self.no_sync {
                true => Sync::No,
                false => Sync::Yes,
            },
            extras: match self.delete {
                true => Superfluous::Remove,
                false => Superfluous::Keep,
            },
            compare: match self.checksum {
                true => Compare::Contents,
                false => Compare::SizeAndTime,
            },
            update: match self.in_place {
                true => Update::InPlace,
                false => Update::Anew,
            },
            links: match self.links {
                Links::Inside => LinkPolicy::Inside,
                Links::All => LinkPolicy::All,
                Links::None => LinkPolicy::None,
            },
            preserve: self.preserve(),
            ..Manner::default()
        }
    }

    fn preserve(&self) -> Preserve {
        let has = |what| self.preserve.contains(&what);
        Preserve {
            mode: has(Preserved::Mode),
            special: has(Preserved::Setuid),
            owner: has(Preserved::Owner),
        }
    }
}
