//! The programs that are compared, and how each is called in the report.

use super::tree::Kept;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours(Ours),
    Scp(Scp),
    /// tar over ssh.
    Tar,
    Rsync(Rsync),
    /// nginx with TLS, and curl.
    Nginx,
    Croc,
    Wormhole,
    Socat,
    Nc,
}

/// How ours is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    Default,
    NoSync,
    Plain,
    Classic,
    NeverCompress,
    /// Replaces what is there by a new file.
    Anew,
    /// Writes into the file that is there.
    InPlace,
}

/// How scp is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scp {
    /// With the cipher that it chooses by itself.
    Default,
    /// With aes256-gcm@openssh.com.
    Gcm,
    /// The same, and sync(1) of what arrived.
    GcmSynced,
    /// A folder, with times and modes, and the cipher that it chooses by itself.
    Tree,
}

/// How rsync is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rsync {
    Default,
    Synced,
    Compressed,
    /// With times and modes.
    Archive,
    /// The same; what did not change is taken from the file that is there, for a new one.
    Anew,
    /// The same, into the file that is there.
    InPlace,
}

impl Program {
    /// What the report calls it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Ours(ours) => ours.label(),
            Self::Scp(scp) => scp.label(),
            Self::Tar => "tar over ssh aes256-gcm",
            Self::Rsync(rsync) => rsync.label(),
            Self::Nginx => "nginx with TLS, curl",
            Self::Croc => "croc",
            Self::Wormhole => "magic-wormhole",
            Self::Socat => "socat -b 1048576",
            Self::Nc => "nc",
        }
    }

    /// What it keeps of a file beside its name and its bytes.
    pub(crate) fn keeps(self) -> Kept {
        match self {
            Self::Ours(_) | Self::Rsync(_) => Kept::Nanoseconds,
            Self::Scp(_) | Self::Tar => Kept::Seconds,
            _ => Kept::Content,
        }
    }
}

impl Ours {
    const fn label(self) -> &'static str {
        match self {
            Self::Default => "ours",
            Self::NoSync => "ours --no-sync",
            Self::Plain => "ours --plain",
            Self::Classic => "ours --classic",
            Self::NeverCompress => "ours --compress never",
            Self::Anew => "ours --overwrite",
            Self::InPlace => "ours --overwrite --in-place",
        }
    }
}

impl Scp {
    const fn label(self) -> &'static str {
        match self {
            Self::Default => "scp",
            Self::Gcm => "scp aes256-gcm",
            Self::GcmSynced => "scp aes256-gcm, sync",
            Self::Tree => "scp -r -p",
        }
    }
}

impl Rsync {
    const fn label(self) -> &'static str {
        match self {
            Self::Default => "rsync daemon",
            Self::Synced => "rsync daemon, --fsync",
            Self::Compressed => "rsync daemon, -z",
            Self::Archive => "rsync daemon, -a",
            Self::Anew => "rsync daemon, --no-whole-file",
            Self::InPlace => "rsync daemon, --inplace",
        }
    }
}
